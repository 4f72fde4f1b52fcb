/** Small changes to programs, as a careless proposer makes them: for tests of the prover. */
import { encodeProgram, type Instruction, type Operation } from '../instruction.ts';
import { type Code, copyCode, lift, lower, nodeOf, replaceNodes } from '../optimiser/code.ts';
import { opposite } from '../optimiser/jumps.ts';
import type { Random } from '../random.ts';

const ALU = ['add', 'sub', 'or', 'and', 'xor', 'mul', 'lsh', 'rsh', 'arsh', 'mov', 'div', 'sdiv'] as const;
const BRANCH = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jsgt', 'jsge', 'jslt', 'jsle', 'jset'] as const;

const changed = (op: Operation, random: Random): Operation => {
  const near = (n: number) => n + random.pick([1, -1, 2, -2, 8, -8]);
  switch (op.kind) {
    case 'alu':
    case 'branch': {
      const src =
        op.src.kind === 'imm' ? { ...op.src, imm: near(op.src.imm) } : { ...op.src, reg: random.below(10) };
      const width = op.width === 64 ? 32 : 64;
      const other = op.kind === 'alu' ? { ...op, op: random.pick(ALU) } : { ...op, op: random.pick(BRANCH) };
      return random.pick([{ ...op, src }, { ...op, width }, other, { ...op, dst: random.below(10) }]);
    }
    case 'load': {
      const size = random.pick([1, 2, 4, 8] as const);
      return random.pick([
        { ...op, off: near(op.off) },
        { ...op, size, signed: false },
        { ...op, dst: random.below(10) },
      ]);
    }
    case 'store':
      return random.pick([
        { ...op, off: near(op.off) },
        { ...op, size: random.pick([1, 2, 4, 8] as const) },
      ]);
    case 'movsx':
      return { ...op, bits: random.pick([8, 16]) };
    case 'swap':
      return {
        ...op,
        order: random.pick(['le', 'be', 'swap'] as const),
        bits: random.pick([16, 32, 64] as const),
      };
    default:
      return op;
  }
};

/** Kinds of mistakes. */
export const mutationKinds = [
  'operand',
  'width',
  'sign',
  'off-by-one',
  'swapped branch',
  'lost store',
  'lost instruction',
  'wrong map',
  'order',
] as const;
export type MutationKind = (typeof mutationKinds)[number];

type Made = (op: Operation, random: Random) => Operation | null | undefined;

const withImmediate = (op: Operation, change: (imm: number) => number): Operation | undefined => {
  if ((op.kind !== 'alu' && op.kind !== 'branch' && op.kind !== 'store') || op.src.kind !== 'imm')
    return undefined;
  return { ...op, src: { kind: 'imm', imm: change(op.src.imm) | 0 } };
};

/** The changed operation; null to leave it out; undefined where this mistake can't be made here. */
const mistakes: Readonly<Record<Exclude<MutationKind, 'order'>, Made>> = {
  operand: (op, random) => changed(op, random),
  width: (op, random) => {
    if (op.kind === 'alu' || op.kind === 'branch') return { ...op, width: op.width === 64 ? 32 : 64 };
    if (op.kind !== 'load' && op.kind !== 'store') return undefined;
    const size = random.pick(([1, 2, 4, 8] as const).filter((s) => s !== op.size));
    return op.kind === 'load' ? { ...op, size, signed: false } : { ...op, size };
  },
  sign: (op) => {
    if (op.kind === 'load' && op.size < 8) return { ...op, signed: !op.signed };
    if (op.kind === 'alu' && (op.op === 'rsh' || op.op === 'arsh'))
      return { ...op, op: op.op === 'rsh' ? 'arsh' : 'rsh' };
    if (op.kind === 'alu' && (op.op === 'add' || op.op === 'sub'))
      return { ...op, op: op.op === 'add' ? 'sub' : 'add' };
    if (op.kind !== 'branch' || op.op === 'jeq' || op.op === 'jne' || op.op === 'jset') return undefined;
    const name = op.op.startsWith('js') ? op.op.replace('js', 'j') : op.op.replace('j', 'js');
    return { ...op, op: name as (typeof BRANCH)[number] };
  },
  'off-by-one': (op, random) => {
    const by = random.pick([1, -1]);
    if (op.kind === 'load' || (op.kind === 'store' && op.src.kind === 'reg'))
      return { ...op, off: op.off + by };
    return withImmediate(op, (imm) => imm + by);
  },
  'swapped branch': (op) => {
    const other = op.kind === 'branch' ? opposite[op.op] : undefined;
    return op.kind === 'branch' && other ? { ...op, op: other } : undefined;
  },
  'lost store': (op) => (op.kind === 'store' || op.kind === 'atomic' ? null : undefined),
  'lost instruction': (op) => (op.kind === 'exit' || op.kind === 'jump' ? undefined : null),
  'wrong map': (op, random) => {
    if (op.kind !== 'ld_imm64' || (op.form !== 'map' && op.form !== 'map_value')) return undefined;
    return {
      ...op,
      imm: op.form === 'map_value' && random.below(2) === 0 ? op.imm + (8n << 32n) : op.imm ^ 1n,
    };
  },
};

export type Mutant = { readonly code: Uint8Array; readonly kind: MutationKind };

const replaced = (code: Code, at: number, kind: MutationKind, random: Random): Code | undefined => {
  if (kind === 'order') {
    const [a, b] = [code[at]!, code[at + 1]];
    if (!b || a.target || b.target || a.op.kind === 'exit' || b.op.kind === 'exit') return undefined;
    return replaceNodes(copyCode(code), (_, i) =>
      i === at ? [nodeOf(b.op)] : i === at + 1 ? [nodeOf(a.op)] : undefined,
    );
  }
  const op = mistakes[kind](code[at]!.op, random);
  if (op === undefined || op === code[at]!.op) return undefined;
  return replaceNodes(copyCode(code), (n, i) =>
    i !== at ? undefined : op === null ? [] : [nodeOf(op, n.target)],
  );
};

/** The program with one mistake in it, as a careless proposer makes them; undefined where none could be made. */
export const mutant = (program: Uint8Array, random: Random): Mutant | undefined => {
  const code = lift(program);
  for (let tries = 0; tries < 20; tries++) {
    const kind = random.pick(mutationKinds);
    const made = replaced(code, random.below(code.length), kind, random);
    try {
      const bytes = made && lower(made);
      if (bytes && bytes.length > 0 && Buffer.compare(bytes, program) !== 0) return { code: bytes, kind };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return undefined;
};

/** The program with one instruction changed, removed or repeated. */
export const mutate = (instructions: readonly Instruction[], random: Random): Uint8Array | undefined => {
  const at = random.below(instructions.length);
  const made = instructions.map(({ slot: _, ...op }): Operation => op as Operation);
  made[at] = changed(made[at]!, random);
  try {
    return encodeProgram(made);
  } catch {
    return undefined;
  }
};
