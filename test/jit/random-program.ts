/** Random eBPF programs that are safe by construction: r6 points to the memory, r10 to the stack, all else are numbers. */
import { bpf } from '../../abi/index.ts';
import { Random } from '../../ebpf/random.ts';
import { EXIT, insn } from './cases/case.ts';

/** Bytes of memory that the programs use. */
export const MEMORY_BYTES = 256;
const STACK_BYTES = 64;
const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 9] as const;
const SIZES = [bpf.sizes.b, bpf.sizes.h, bpf.sizes.w, bpf.sizes.dw] as const;
const ALU = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  'neg',
  'mod',
  'xor',
  'mov',
  'arsh',
  'end',
] as const;
const JUMPS = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jset', 'jsgt', 'jsge', 'jslt', 'jsle'] as const;

const immediate = (random: Random): number => {
  const kinds = [
    0,
    1,
    -1,
    random.below(64),
    2 ** random.below(31),
    2 ** random.below(32) - 1,
    -random.below(5000),
    random.below(4096) * 4096,
    random.below(2 ** 32),
  ];
  return kinds[random.below(kinds.length)]! | 0;
};

class Writer {
  readonly slots: string[] = [];
  readonly random: Random;
  readonly kept: Set<number> = new Set();

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  pick = <T>(of: readonly T[]): T => this.random.pick(of);
  target = () => this.pick(NUMBERS.filter((reg) => !this.kept.has(reg)));
  push = (...slots: string[]) => this.slots.push(...slots);

  alu() {
    const { random, pick } = this;
    const name = pick(ALU);
    const wide = random.below(2) === 1;
    const [dst, src] = [this.target(), pick(NUMBERS)];
    const base = bpf.aluOps[name] | (wide ? bpf.classes.alu64 : bpf.classes.alu);
    if (name === 'neg') return this.push(insn(base, dst));
    if (name === 'end')
      return this.push(insn(base | (wide ? 0 : random.below(2) * 8), dst, 0, 0, pick([16, 32, 64])));
    const divides = name === 'div' || name === 'mod';
    if (random.below(2) === 0) {
      const widths = wide ? [0, 0, 8, 16, 32] : [0, 0, 8, 16];
      const off = name === 'mov' ? pick(widths) : divides ? random.below(2) : 0;
      return this.push(insn(base | bpf.sources.x, dst, src, off));
    }
    const shifts = name === 'lsh' || name === 'rsh' || name === 'arsh';
    const imm = shifts ? random.below(wide ? 64 : 32) : immediate(random) || (divides ? 7 : 0);
    this.push(insn(base, dst, 0, divides ? random.below(2) : 0, imm));
  }

  /** A load or store, straight or through a pointer that is made for it and destroyed after it. */
  access() {
    const { random, pick } = this;
    const size = pick(SIZES);
    const [base, low, bytes] = pick([
      [6, 0, MEMORY_BYTES],
      [10, -STACK_BYTES, STACK_BYTES],
    ] as const);
    const at = low + random.below(bytes / 8) * 8;
    const value = pick(NUMBERS);
    const pointer = this.pick(NUMBERS.filter((reg) => !this.kept.has(reg) && reg !== value));
    const distance = random.below(200) - 100;
    const through = random.below(2) === 1;
    if (through) this.push(insn(0xbf, pointer, base), insn(0x07, pointer, 0, 0, distance));
    const [reg, off] = through ? [pointer, at - distance] : [base, at];
    const kind = random.below(4);
    if (kind === 0) this.push(insn(bpf.classes.ldx | bpf.modes.mem | size, this.loaded(pointer), reg, off));
    if (kind === 1 && size !== bpf.sizes.dw)
      this.push(insn(bpf.classes.ldx | bpf.modes.memsx | size, this.loaded(pointer), reg, off));
    if (kind === 2) this.push(insn(bpf.classes.st | bpf.modes.mem | size, reg, 0, off, immediate(random)));
    if (kind === 3) this.push(insn(bpf.classes.stx | bpf.modes.mem | size, reg, value, off));
    if (through) this.push(insn(0xb7, pointer, 0, 0, immediate(random)));
  }

  loaded = (pointer: number) => this.pick(NUMBERS.filter((reg) => !this.kept.has(reg) && reg !== pointer));

  atomic() {
    const op = this.pick([0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, bpf.atomicOps.xchg]);
    const size = this.pick([bpf.sizes.w, bpf.sizes.dw]);
    this.push(
      insn(
        bpf.classes.stx | bpf.modes.atomic | size,
        6,
        this.target(),
        this.random.below(MEMORY_BYTES / 8) * 8,
        op,
      ),
    );
  }

  branch(depth: number) {
    const { random, pick } = this;
    const opcode = bpf.jumpOps[pick(JUMPS)] | (random.below(2) ? bpf.classes.jmp : bpf.classes.jmp32);
    const [dst, src, imm] = [pick(NUMBERS), pick(NUMBERS), immediate(random)];
    const at = this.push('') - 1;
    this.statements(1 + random.below(5), depth + 1);
    const over = this.slots.length - at - 1;
    this.slots[at] = random.below(2)
      ? insn(opcode | bpf.sources.x, dst, src, over)
      : insn(opcode, dst, 0, over, imm);
  }

  /** Counts a register down; ends as clang ends loops, or with the jump back itself. */
  loop(depth: number) {
    const counter = this.pick([7, 8, 9].filter((reg) => !this.kept.has(reg)));
    this.push(insn(0xb7, counter, 0, 0, 1 + this.random.below(5)));
    const top = this.slots.length;
    this.kept.add(counter);
    this.statements(1 + this.random.below(8), depth + 1);
    this.kept.delete(counter);
    this.push(insn(0x07, counter, 0, 0, -1));
    if (this.random.below(2)) return this.push(insn(0x55, counter, 0, top - this.slots.length - 1, 0));
    this.push(insn(0x15, counter, 0, 1, 0));
    return this.push(insn(0x05, 0, 0, top - this.slots.length - 1));
  }

  statements(count: number, depth: number) {
    for (let i = 0; i < count; i++) {
      const kind = this.random.below(16);
      if (kind < 8) this.alu();
      else if (kind < 12) this.access();
      else if (kind < 13) this.atomic();
      else if (kind < 15 && depth < 5) this.branch(depth);
      else if (depth < 3) this.loop(depth);
    }
  }
}

/** Instructions, hex. All registers and the stack flow into r0 at the end. */
export const randomProgram = (seed: number): string => {
  const w = new Writer(seed);
  w.push(insn(0xbf, 6, 1), ...NUMBERS.map((reg) => insn(0x79, reg, 6, 8 * reg)));
  for (let at = -STACK_BYTES; at < 0; at += 8) w.push(insn(0x7a, 10, 0, at, immediate(w.random)));
  w.statements(4 + w.random.below(40), 0);
  for (const reg of NUMBERS.slice(1)) w.push(insn(0x27, 0, 0, 0, 31), insn(0x0f, 0, reg));
  for (let at = -STACK_BYTES; at < 0; at += 8)
    w.push(insn(0x79, 1, 10, at), insn(0xaf, 0, 1), insn(0x27, 0, 0, 0, 33));
  return w.slots.join('') + EXIT;
};
