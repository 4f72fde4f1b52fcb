/**
 * Executes loop-free eBPF symbolically and writes what it does as SMT-LIB definitions. Ways that meet are merged, so the text
 * grows with the program, not with its ways. Only what clang makes of the verifier's operators is understood; anything else throws.
 */
import { bpf } from '../../../abi/index.ts';
import { LD_IMM64, readSlot, type Slot, sizeBytes } from '../../../ebpf/slot.ts';

/** Name of a 64-bit vector, or a literal. */
export type Word = string;
/** A place in memory: base `m` is what r1 points to, `s` the stack of main, `s1` that of a function it calls. */
type Pointer = { readonly base: string; readonly off: number };
type Value = Word | Pointer | undefined;
/** Names of 32-bit vectors by base and offset. */
export type Memory = ReadonlyMap<string, string>;
type State = { guard: string; regs: Value[]; memory: Map<string, string> };

/** What stands for a call of a function that is proven elsewhere: changes memory and gives r0. The call happens when `guard` holds. */
export type Summary = (script: Script, memory: Map<string, string>, argument: Pointer, guard: string) => Word;

const { classes, aluOps, jumpOps } = bpf;
const MASK = (1n << 64n) - 1n;

/** A 64-bit literal. */
export const literal = (value: bigint): Word => `#x${(value & MASK).toString(16).padStart(16, '0')}`;
const constantOf = (word: Word): bigint | undefined =>
  word.startsWith('#x') ? BigInt(`0x${word.slice(2)}`) : undefined;

/** Definitions in order, and assertions. */
export class Script {
  readonly lines: string[] = [];
  #count = 0;

  define(sort: string, body: string): string {
    const name = `t${this.#count++}`;
    this.lines.push(`(define-fun ${name} () ${sort} ${body})`);
    return name;
  }
  declare(bits: number): string {
    const name = `v${this.#count++}`;
    this.lines.push(`(declare-fun ${name} () (_ BitVec ${bits}))`);
    return name;
  }
  word(body: string): Word {
    return this.define('(_ BitVec 64)', body);
  }
  half(body: string): string {
    return this.define('(_ BitVec 32)', body);
  }
  truth(body: string): string {
    return this.define('Bool', body);
  }
  assert(body: string) {
    this.lines.push(`(assert ${body})`);
  }
}

const operations = new Map<number, string>([
  [aluOps.add, 'bvadd'],
  [aluOps.sub, 'bvsub'],
  [aluOps.mul, 'bvmul'],
  [aluOps.or, 'bvor'],
  [aluOps.and, 'bvand'],
  [aluOps.xor, 'bvxor'],
  [aluOps.lsh, 'bvshl'],
  [aluOps.rsh, 'bvlshr'],
  [aluOps.arsh, 'bvashr'],
  [aluOps.div, 'bvudiv'],
  [aluOps.mod, 'bvurem'],
]);
const comparisons = new Map<number, string>([
  [jumpOps.jeq, '='],
  [jumpOps.jgt, 'bvugt'],
  [jumpOps.jge, 'bvuge'],
  [jumpOps.jlt, 'bvult'],
  [jumpOps.jle, 'bvule'],
  [jumpOps.jsgt, 'bvsgt'],
  [jumpOps.jsge, 'bvsge'],
  [jumpOps.jslt, 'bvslt'],
  [jumpOps.jsle, 'bvsle'],
]);

const isWord = (value: Value): value is Word => typeof value === 'string';
const low = (word: Word) => `((_ extract 31 0) ${word})`;
const widened = (half: string) => `(concat #x00000000 ${half})`;
const key = (p: Pointer, off: number) => `${p.base}:${p.off + off}`;

export class Execution {
  readonly #code: DataView;
  readonly #script: Script;
  readonly #summaries: ReadonlyMap<number, Summary>;

  /** `summaries` by slot of the function that they stand for. */
  constructor(code: Uint8Array, script: Script, summaries: ReadonlyMap<number, Summary> = new Map()) {
    this.#code = new DataView(code.buffer, code.byteOffset, code.byteLength);
    this.#script = script;
    this.#summaries = summaries;
  }

  /** Runs the function at this slot on this memory; the memory after it, and r0. */
  run(
    start: number,
    argument: Pointer,
    memory: Memory,
    depth = 0,
  ): { memory: Map<string, string>; r0: Value } {
    const regs: Value[] = Array(11).fill(undefined);
    regs[1] = argument;
    regs[10] = { base: depth === 0 ? 's' : `s${depth}`, off: 0 };
    const waiting = new Map<number, State[]>([[start, [{ guard: 'true', regs, memory: new Map(memory) }]]]);
    const ends: State[] = [];
    for (const pc of this.#order(start)) {
      const state = this.#merge(waiting.get(pc) ?? []);
      if (state) this.#step(pc, state, waiting, ends, depth);
    }
    const end = this.#merge(ends);
    if (!end) throw new Error('the function does not end');
    return { memory: end.memory, r0: end.regs[0] };
  }

  #next(pc: number, s: Slot): number[] {
    if ((s.opcode & 7) === classes.jmp || (s.opcode & 7) === classes.jmp32) {
      const op = s.opcode & 0xf0;
      if (op === jumpOps.exit) return [];
      if (op === jumpOps.ja) return [pc + 1 + ((s.opcode & 7) === classes.jmp ? s.off : s.imm)];
      if (op !== jumpOps.call) return [pc + 1, pc + 1 + s.off];
    }
    return [pc + (s.opcode === LD_IMM64 ? 2 : 1)];
  }

  /** Slots so that each comes after all that lead to it. */
  #order(start: number): number[] {
    const done = new Set<number>();
    const open = new Set<number>();
    const order: number[] = [];
    const stack = [start];
    while (stack.length > 0) {
      const pc = stack.at(-1)!;
      open.add(pc);
      const missing = this.#next(pc, readSlot(this.#code, pc)).filter((n) => !done.has(n));
      if (missing.some((n) => open.has(n))) throw new Error(`slot ${pc} closes a loop`);
      if (missing.length > 0) {
        stack.push(missing[0]!);
        continue;
      }
      stack.pop();
      open.delete(pc);
      if (!done.has(pc)) order.unshift(pc);
      done.add(pc);
    }
    return order;
  }

  #merge(states: readonly State[]): State | undefined {
    return states.length === 0 ? undefined : states.reduce((a, b) => this.#mergeTwo(a, b));
  }

  #mergeTwo(a: State, b: State): State {
    const script = this.#script;
    const regs = a.regs.map((x, r) => {
      const y = b.regs[r];
      if (x === y) return x;
      if (isWord(x) && isWord(y)) return script.word(`(ite ${a.guard} ${x} ${y})`);
      const same = x && y && !isWord(x) && !isWord(y) && x.base === y.base && x.off === y.off;
      return same ? x : undefined;
    });
    const memory = new Map<string, string>();
    for (const [at, x] of a.memory) {
      const y = b.memory.get(at);
      if (y !== undefined) memory.set(at, x === y ? x : script.half(`(ite ${a.guard} ${x} ${y})`));
    }
    return { guard: script.truth(`(or ${a.guard} ${b.guard})`), regs, memory };
  }

  #word(state: State, r: number): Word {
    const value = state.regs[r];
    if (!isWord(value)) throw new Error(`r${r} is no number`);
    return value;
  }

  #pointer(state: State, r: number): Pointer {
    const value = state.regs[r];
    if (!value || isWord(value)) throw new Error(`r${r} is no pointer`);
    return value;
  }

  #step(pc: number, state: State, waiting: Map<number, State[]>, ends: State[], depth: number) {
    const s = readSlot(this.#code, pc);
    const go = (to: number, next: State) => waiting.set(to, [...(waiting.get(to) ?? []), next]);
    const jumps = (s.opcode & 7) === classes.jmp || (s.opcode & 7) === classes.jmp32;
    const op = s.opcode & 0xf0;
    if (jumps && op === jumpOps.exit) {
      ends.push(state);
    } else if (jumps && op === jumpOps.call) {
      this.#call(pc, s, state, depth);
      go(pc + 1, state);
    } else if (jumps && op !== jumpOps.ja) {
      const taken = this.#script.truth(`(and ${state.guard} ${this.#condition(s, state)})`);
      const falls = this.#script.truth(`(and ${state.guard} (not ${taken}))`);
      go(pc + 1 + s.off, { guard: taken, regs: [...state.regs], memory: new Map(state.memory) });
      go(pc + 1, { ...state, guard: falls });
    } else {
      if (!jumps) this.#plain(pc, s, state);
      for (const to of this.#next(pc, s)) go(to, state);
    }
  }

  #call(pc: number, s: Slot, state: State, depth: number) {
    if (s.src !== bpf.pseudo.call_local) throw new Error(`slot ${pc} calls a helper`);
    const target = pc + 1 + s.imm;
    const argument = this.#pointer(state, 1);
    const summary = this.#summaries.get(target);
    if (summary) {
      state.regs[0] = summary(this.#script, state.memory, argument, state.guard);
    } else {
      const after = this.run(target, argument, state.memory, depth + 1);
      state.memory = after.memory;
      state.regs[0] = after.r0;
    }
    for (let r = 1; r <= 5; r++) state.regs[r] = undefined;
  }

  #operand(s: Slot, state: State): Value {
    return (s.opcode & bpf.sources.x) !== 0 ? state.regs[s.src] : literal(BigInt(s.imm));
  }

  #condition(s: Slot, state: State): string {
    const wide = (s.opcode & 7) === classes.jmp;
    const cut = (word: Word) => (wide ? word : low(word));
    const right = this.#operand(s, state);
    if (!isWord(right)) throw new Error('a pointer is compared');
    const [a, b] = [cut(this.#word(state, s.dst)), cut(right)];
    const op = s.opcode & 0xf0;
    if (op === jumpOps.jne) return `(not (= ${a} ${b}))`;
    if (op === jumpOps.jset) return `(not (= (bvand ${a} ${b}) ${wide ? literal(0n) : '#x00000000'}))`;
    const name = comparisons.get(op);
    if (!name) throw new Error(`comparison ${op}`);
    return `(${name} ${a} ${b})`;
  }

  #plain(pc: number, s: Slot, state: State) {
    switch (s.opcode & 7) {
      case classes.alu64:
      case classes.alu:
        this.#alu(s, state);
        break;
      case classes.ldx:
        state.regs[s.dst] = this.#load(
          state,
          this.#pointer(state, s.src),
          s.off,
          sizeBytes[s.opcode & 0x18]!,
        );
        break;
      case classes.stx:
        this.#store(state, s, this.#word(state, s.src));
        break;
      case classes.st:
        this.#store(state, s, literal(BigInt(s.imm)));
        break;
      default: {
        if (s.opcode !== LD_IMM64) throw new Error(`opcode ${s.opcode}`);
        const high = readSlot(this.#code, pc + 1).imm;
        state.regs[s.dst] = literal((BigInt(high) << 32n) | BigInt(s.imm >>> 0));
      }
    }
  }

  #alu(s: Slot, state: State) {
    const wide = (s.opcode & 7) === classes.alu64;
    const op = s.opcode & 0xf0;
    const right = this.#operand(s, state);
    const left = state.regs[s.dst];
    if (op === aluOps.mov && wide) {
      state.regs[s.dst] = right;
    } else if (
      left &&
      !isWord(left) &&
      op === aluOps.add &&
      isWord(right) &&
      constantOf(right) !== undefined
    ) {
      state.regs[s.dst] = { base: left.base, off: left.off + Number(BigInt.asIntN(64, constantOf(right)!)) };
    } else {
      state.regs[s.dst] = this.#computed(op, wide, op === aluOps.mov ? right : left, right);
    }
  }

  #computed(op: number, wide: boolean, left: Value, right: Value): Word {
    if (!isWord(left) || (!isWord(right) && op !== aluOps.neg)) throw new Error('arithmetic on a pointer');
    const cut = (word: Word) => (wide ? word : low(word));
    const put = (body: string) => this.#script.word(wide ? body : widened(body));
    if (op === aluOps.mov) return put(cut(left));
    if (op === aluOps.neg) return put(`(bvneg ${cut(left)})`);
    const name = operations.get(op);
    if (!name || !isWord(right)) throw new Error(`operation ${op}`);
    const shifts = op === aluOps.lsh || op === aluOps.rsh || op === aluOps.arsh;
    const by = shifts ? `(bvand ${cut(right)} ${wide ? literal(63n) : '#x0000001f'})` : cut(right);
    if (op === aluOps.div) {
      const zero = wide ? literal(0n) : '#x00000000';
      return put(`(ite (= ${by} ${zero}) ${zero} (bvudiv ${cut(left)} ${by}))`);
    }
    return put(`(${name} ${cut(left)} ${by})`);
  }

  #load(state: State, p: Pointer, off: number, bytes: number): Word {
    const first = state.memory.get(key(p, off));
    const second = state.memory.get(key(p, off + 4));
    if (first === undefined || (bytes === 8 && second === undefined))
      throw new Error(`${bytes} bytes at ${key(p, off)} were not written whole`);
    return this.#script.word(
      bytes === 8 ? `(concat ${second} ${first})` : widened(this.#cutTo(first, bytes)),
    );
  }

  #cutTo(half: string, bytes: number): string {
    return bytes === 4 ? half : `(bvand ${half} ${bytes === 1 ? '#x000000ff' : '#x0000ffff'})`;
  }

  #store(state: State, s: Slot, word: Word) {
    const p = this.#pointer(state, s.dst);
    const bytes = sizeBytes[s.opcode & 0x18]!;
    if (bytes < 4) throw new Error(`store of ${bytes} bytes`);
    state.memory.set(key(p, s.off), this.#script.half(low(word)));
    if (bytes === 8) state.memory.set(key(p, s.off + 4), this.#script.half(`((_ extract 63 32) ${word})`));
  }
}
