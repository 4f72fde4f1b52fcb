/**
 * Value numbers along extended basic blocks: which registers hold the same value, which are a root plus a constant,
 * and which bytes of memory a value is put together from.
 */
import type { Operand, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { argumentsOf, writesMemory } from './calls.ts';
import { type Code, copyCode, functionsOf, isEnd, type Node, positionsOf, replaceNodes } from './code.ts';

export type ValueId = number;

/** One byte of a value: a byte of memory at root + offset, or zero. */
export type Byte =
  | { readonly root: ValueId; readonly offset: number; readonly epoch: number }
  | 'zero'
  | undefined;

/** Helpers that write no memory that they are given. */
const leavesFrame = (op: Operation): boolean => argumentsOf(op) !== undefined && !writesMemory(op);

type Info = {
  readonly root: ValueId;
  /** The value is root + offset. */
  readonly offset: number;
  readonly constant: bigint | undefined;
  /** Eight bytes, least significant first. */
  readonly bytes: readonly Byte[];
  /** The value is another one shifted to the right by so many bits. */
  readonly shifted: { readonly value: ValueId; readonly by: number } | undefined;
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
  /** Counts changes of the frame at unknown places. */
  #wholeFrame = 0;
  /** Counts changes of memory: in all, through each root, and of each byte at a known place. */
  #changes = 0;
  readonly #through = new Map<ValueId, number>();
  readonly #byte = new Map<string, number>();
  readonly frame: ValueId;
  /** Index of the map whose handle this value is. */
  readonly handles = new Map<ValueId, number>();
  /** Index of the map whose first value is at this root. */
  readonly maps = new Map<ValueId, number>();

  constructor() {
    this.frame = this.fresh();
    this.reset();
  }

  /** Forgets all registers. */
  reset(): void {
    for (let r = 0; r <= 10; r++) this.#set(r, r === 10 ? this.frame : this.fresh());
    this.#changes++;
    this.#wholeFrame++;
  }

  fresh(): ValueId {
    const id = this.#info.length;
    this.#info.push({ root: id, offset: 0, constant: undefined, bytes: UNKNOWN_BYTES, shifted: undefined });
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
    if (op.width === 64 && op.op === 'add' && c === undefined) {
      const [p, q] = [this.info(a), this.info(b)];
      if (p.offset !== 0 || q.offset !== 0) {
        const [x, y] = q.root < p.root ? [q.root, p.root] : [p.root, q.root];
        return this.sum(this.#named(`add64 ${x} ${y}`), p.offset + q.offset);
      }
    }
    if (op.op === 'and' && c !== undefined && this.#isMasked(op.width, a, c)) return a;
    const commutes = ['add', 'mul', 'or', 'and', 'xor'].includes(op.op);
    const [x, y] = commutes && b < a ? [b, a] : [a, b];
    const shifted = op.op === 'rsh' && c !== undefined ? this.#shifted(a, Number(c)) : undefined;
    return this.#named(`${op.op}${op.width} ${x} ${y}`, { bytes: this.#bytesOf(op, a, b), shifted });
  }

  #shifted(a: ValueId, by: number): Info['shifted'] {
    const { shifted } = this.info(a);
    return shifted ? { value: shifted.value, by: shifted.by + by } : { value: a, by };
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

  /**
   * When the byte at root + at changed last: by a store through another root, which may lie anywhere outside the frame, or by
   * one to this place.
   */
  epochOf(root: ValueId, at: number): number {
    const others = root === this.frame ? this.#wholeFrame : this.#changes - (this.#through.get(root) ?? 0);
    return others * 2 ** 24 + (this.#byte.get(`${root} ${at}`) ?? 0);
  }

  #epochs(root: ValueId, at: number, size: number): string {
    return Array.from({ length: size }, (_, i) => this.epochOf(root, at + i)).join();
  }

  /** Value of a load; the same one as an earlier load or store of the same place while nothing was written there. */
  load(size: number, signed: boolean, address: ValueId, off: number): ValueId {
    const { root, offset } = this.info(address);
    const at = offset + off;
    const bytes = Array.from({ length: 8 }, (_, i): Byte => {
      if (i < size) return { root, offset: at + i, epoch: this.epochOf(root, at + i) };
      return signed ? undefined : 'zero';
    });
    return this.#named(`load ${size}${signed} ${root} ${at} ${this.#epochs(root, at, size)}`, { bytes });
  }

  #store(op: Operation & { kind: 'store' }): void {
    const { root, offset } = this.info(this.regs[op.dst]!);
    const at = offset + op.off;
    const value = this.operand(op.src);
    if (root !== this.frame) {
      this.#changes++;
      this.#through.set(root, (this.#through.get(root) ?? 0) + 1);
    }
    for (let i = 0; i < op.size; i++) {
      const key = `${root} ${at + i}`;
      this.#byte.set(key, (this.#byte.get(key) ?? 0) + 1);
    }
    const { bytes, constant } = this.info(value);
    const whole = op.size === 8 || bytes.slice(op.size).every((b) => b === 'zero');
    const cut = constant === undefined ? undefined : this.constant(BigInt.asUintN(8 * op.size, constant));
    const stored = whole ? value : cut;
    if (stored !== undefined)
      this.#ids.set(`load ${op.size}false ${root} ${at} ${this.#epochs(root, at, op.size)}`, stored);
  }

  #address(op: Operation & { kind: 'ld_imm64' }): ValueId {
    const map = Number(op.imm & 0xffffffffn);
    if (op.form !== 'map_value') {
      const handle = this.#named(`${op.form} ${op.imm}`);
      if (op.form === 'map') this.handles.set(handle, map);
      return handle;
    }
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
    if (op.kind === 'atomic' || op.kind === 'call' || op.kind === 'callx') this.#changes++;
    if (op.kind !== 'call' ? op.kind === 'atomic' || op.kind === 'callx' : !leavesFrame(op))
      this.#wholeFrame++;
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

type Visit = (node: Node, values: Values, index: number) => Node[] | undefined;

/** Goes through the program with value numbers; what `visit` gives replaces a node. Undefined when nothing changed. */
export const rewriteWithValues = (code: Code, visit: Visit): Code | undefined => {
  const copy = copyCode(code);
  const starts = new Set<Node>(copy.flatMap((n) => (n.target ? [n.target] : [])));
  for (const f of functionsOf(copy, positionsOf(copy))) starts.add(copy[f]!);
  const values = new Values();
  let changed = false;
  const out = replaceNodes(copy, (node, index) => {
    if (starts.has(node) || (index > 0 && isEnd(copy[index - 1]!))) values.reset();
    const made = visit(node, values, index);
    if (made) changed = true;
    for (const n of made ?? [node]) values.pass(n.op);
    return made;
  });
  return changed ? out : undefined;
};
