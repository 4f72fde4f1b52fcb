/**
 * Value numbers along extended basic blocks: which registers hold the same value, which are a root plus a constant,
 * and which bytes of memory a value is put together from.
 */
import type { Operand, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, functionsOf, isEnd, type Node, positionsOf, replaceNodes } from './code.ts';

export type ValueId = number;

/** One byte of a value: a byte of memory at root + offset, or zero. */
export type Byte =
  | { readonly root: ValueId; readonly offset: number; readonly epoch: number }
  | 'zero'
  | undefined;

type Info = {
  readonly root: ValueId;
  /** The value is root + offset. */
  readonly offset: number;
  readonly constant: bigint | undefined;
  /** Eight bytes, least significant first. */
  readonly bytes: readonly Byte[];
};

const ZERO_BYTES: readonly Byte[] = Array(8).fill('zero');
const UNKNOWN_BYTES: readonly Byte[] = Array(8).fill(undefined);

const bytesOfConstant = (value: bigint): Byte[] =>
  Array.from({ length: 8 }, (_, i) => (((value >> BigInt(8 * i)) & 255n) === 0n ? 'zero' : undefined));

const combine = (a: readonly Byte[], b: readonly Byte[]): readonly Byte[] =>
  a.map((x, i) => (x === 'zero' ? b[i] : b[i] === 'zero' ? x : undefined));

const isDisjoint = (a: readonly Byte[], b: readonly Byte[]) =>
  a.every((x, i) => x === 'zero' || b[i] === 'zero');

export class Values {
  readonly #ids = new Map<string, ValueId>();
  readonly #info: Info[] = [];
  regs: ValueId[] = [];
  /** When each register received its value. */
  since: number[] = [];
  #clock = 0;
  /** Counts changes of memory other than at known places of the stack. */
  epoch = 0;
  #stackEpoch = 0;
  readonly frame: ValueId;
  /** Index of the map whose first value is at this root. */
  readonly maps = new Map<ValueId, number>();

  constructor() {
    this.frame = this.fresh();
    this.reset();
  }

  /** Forgets all registers. */
  reset(): void {
    for (let r = 0; r <= 10; r++) this.#set(r, r === 10 ? this.frame : this.fresh());
    this.epoch++;
    this.#stackEpoch++;
  }

  fresh(): ValueId {
    const id = this.#info.length;
    this.#info.push({ root: id, offset: 0, constant: undefined, bytes: UNKNOWN_BYTES });
    return id;
  }

  info(id: ValueId): Info {
    return this.#info[id]!;
  }

  #set(r: number, id: ValueId): void {
    if (this.regs[r] === id) return;
    this.regs[r] = id;
    this.since[r] = this.#clock++;
  }

  #named(key: string, info?: Partial<Info>): ValueId {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.fresh();
    this.#ids.set(key, id);
    if (info) this.#info[id] = { ...this.#info[id]!, ...info };
    return id;
  }

  constant(value: bigint): ValueId {
    const v = BigInt.asUintN(64, value);
    return this.#named(`const ${v}`, { constant: v, bytes: bytesOfConstant(v) });
  }

  operand(src: Operand): ValueId {
    return src.kind === 'imm' ? this.constant(BigInt(src.imm)) : this.regs[src.reg]!;
  }

  /** The value that `root + offset` has. */
  sum(root: ValueId, offset: number): ValueId {
    return offset === 0 ? root : this.#named(`sum ${root} ${offset}`, { root, offset });
  }

  #alu(op: Operation & { kind: 'alu' }): ValueId {
    const b = this.operand(op.src);
    if (op.op === 'mov') return op.width === 64 ? b : this.#low(b);
    const a = this.regs[op.dst]!;
    const c = this.info(b).constant;
    if (op.width === 64 && (op.op === 'add' || op.op === 'sub') && c !== undefined) {
      const k = Number(BigInt.asIntN(64, c)) * (op.op === 'add' ? 1 : -1);
      const { root, offset } = this.info(a);
      if (Math.abs(offset + k) < 2 ** 31) return this.sum(root, offset + k);
    }
    if (op.op === 'and' && c !== undefined && this.#isMasked(op.width, a, c)) return a;
    const commutes = ['add', 'mul', 'or', 'and', 'xor'].includes(op.op);
    const [x, y] = commutes && b < a ? [b, a] : [a, b];
    return this.#named(`${op.op}${op.width} ${x} ${y}`, { bytes: this.#bytesOf(op, a, b) });
  }

  #bytesOf(op: Operation & { kind: 'alu' }, a: ValueId, b: ValueId): readonly Byte[] {
    const cut = (bytes: readonly Byte[]): readonly Byte[] =>
      op.width === 64 ? bytes : bytes.map((x, i) => (i < 4 ? x : 'zero'));
    const x = cut(this.info(a).bytes);
    const y = cut(this.info(b).bytes);
    const shift = this.info(b).constant;
    if (op.op === 'or' || op.op === 'xor' || op.op === 'add')
      return isDisjoint(x, y) ? combine(x, y) : UNKNOWN_BYTES;
    if (op.op === 'and' && shift !== undefined) return this.#masked(x, shift);
    if ((op.op !== 'lsh' && op.op !== 'rsh') || shift === undefined || shift % 8n !== 0n)
      return cut(UNKNOWN_BYTES);
    const n = Number(shift & BigInt(op.width - 1)) / 8;
    const moved =
      op.op === 'lsh' ? [...ZERO_BYTES.slice(0, n), ...x] : [...x.slice(n), ...ZERO_BYTES.slice(0, n)];
    return cut(moved.slice(0, 8));
  }

  /** True when no bit that the mask clears can be set. */
  #isMasked(width: number, a: ValueId, keep: bigint): boolean {
    const m = width === 64 ? keep : keep & 0xffffffffn;
    return this.info(a).bytes.every((b, i) => b === 'zero' || ((m >> BigInt(8 * i)) & 255n) === 255n);
  }

  #masked(x: readonly Byte[], keep: bigint): readonly Byte[] {
    return x.map((byte, i) => {
      const m = (keep >> BigInt(8 * i)) & 255n;
      return m === 255n ? byte : m === 0n ? 'zero' : undefined;
    });
  }

  #low(id: ValueId): ValueId {
    const { constant, bytes } = this.info(id);
    if (constant !== undefined) return this.constant(constant & 0xffffffffn);
    if (bytes.slice(4).every((b) => b === 'zero')) return id;
    return this.#named(`low ${id}`, { bytes: bytes.map((b, i) => (i < 4 ? b : 'zero')) });
  }

  #swap(op: Operation & { kind: 'swap' }): ValueId {
    const a = this.regs[op.dst]!;
    const low = this.info(a).bytes.slice(0, op.bits / 8);
    const order = op.order === 'le' ? low : [...low].reverse();
    return this.#named(`${op.order}${op.bits} ${a}`, { bytes: [...order, ...ZERO_BYTES].slice(0, 8) });
  }

  epochOf(root: ValueId): number {
    return root === this.frame ? this.#stackEpoch : this.epoch;
  }

  /** Value of a load; the same one as an earlier load or store of the same place while nothing was written. */
  load(size: number, signed: boolean, address: ValueId, off: number): ValueId {
    const { root, offset } = this.info(address);
    const at = offset + off;
    const epoch = this.epochOf(root);
    const bytes = Array.from({ length: 8 }, (_, i): Byte => {
      if (i < size) return { root, offset: at + i, epoch };
      return signed ? undefined : 'zero';
    });
    return this.#named(`load ${size}${signed} ${root} ${at} ${epoch}`, { bytes });
  }

  #store(op: Operation & { kind: 'store' }): void {
    const { root, offset } = this.info(this.regs[op.dst]!);
    const value = this.operand(op.src);
    if (root === this.frame) this.#stackEpoch++;
    else this.epoch++;
    const whole =
      op.size === 8 ||
      this.info(value)
        .bytes.slice(op.size)
        .every((b) => b === 'zero');
    if (whole) this.#ids.set(`load ${op.size}false ${root} ${offset + op.off} ${this.epochOf(root)}`, value);
  }

  #address(op: Operation & { kind: 'ld_imm64' }): ValueId {
    if (op.form !== 'map_value') return this.#named(`${op.form} ${op.imm}`);
    const map = Number(op.imm & 0xffffffffn);
    const root = this.#named(`map_value ${map}`);
    this.maps.set(root, map);
    return this.sum(root, Number(op.imm >> 32n));
  }

  /** Value that an operation gives its destination; undefined when it gives none that is known. */
  result(op: Operation): ValueId | undefined {
    switch (op.kind) {
      case 'alu':
        return this.#alu(op);
      case 'neg':
        return this.#named(`neg${op.width} ${this.regs[op.dst]}`);
      case 'movsx':
        return this.#named(`movsx${op.width} ${op.bits} ${this.regs[op.src]}`);
      case 'swap':
        return this.#swap(op);
      case 'load':
        return this.load(op.size, op.signed, this.regs[op.src]!, op.off);
      case 'ld_imm64':
        return op.form === 'number' ? this.constant(op.imm) : this.#address(op);
      default:
        return undefined;
    }
  }

  /** Goes past an operation. */
  pass(op: Operation): void {
    const value = this.result(op);
    if (value !== undefined && 'dst' in op) {
      this.#set(op.dst, value);
      return;
    }
    if (op.kind === 'store') this.#store(op);
    if (op.kind === 'atomic' || op.kind === 'call' || op.kind === 'callx') {
      this.epoch++;
      this.#stackEpoch++;
    }
    const { writes } = registersOf(op);
    for (let r = 0; r <= 9; r++) if (writes & (1 << r)) this.#set(r, this.fresh());
  }

  /** The register that has held this value longest. */
  holder(value: ValueId): number | undefined {
    let found: number | undefined;
    for (let r = 0; r <= 10; r++)
      if (this.regs[r] === value && (found === undefined || this.since[r]! < this.since[found]!)) found = r;
    return found;
  }
}

type Visit = (node: Node, values: Values) => Node[] | undefined;

/** Goes through the program with value numbers; what `visit` gives replaces a node. Undefined when nothing changed. */
export const rewriteWithValues = (code: Code, visit: Visit): Code | undefined => {
  const copy = copyCode(code);
  const starts = new Set<Node>(copy.flatMap((n) => (n.target ? [n.target] : [])));
  for (const f of functionsOf(copy, positionsOf(copy))) starts.add(copy[f]!);
  const values = new Values();
  let changed = false;
  const out = replaceNodes(copy, (node, index) => {
    if (starts.has(node) || (index > 0 && isEnd(copy[index - 1]!))) values.reset();
    const made = visit(node, values);
    if (made) changed = true;
    for (const n of made ?? [node]) values.pass(n.op);
    return made;
  });
  return changed ? out : undefined;
};
