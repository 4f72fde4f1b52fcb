/** Small changes to programs, as a careless proposer makes them: for tests of the prover. */
import { encodeProgram, type Instruction, type Operation } from '../instruction.ts';

type Random = (below: number) => number;

const pick = <T>(list: readonly T[], random: Random): T => list[random(list.length)]!;

const ALU = ['add', 'sub', 'or', 'and', 'xor', 'mul', 'lsh', 'rsh', 'arsh', 'mov', 'div', 'sdiv'] as const;
const BRANCH = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jsgt', 'jsge', 'jslt', 'jsle', 'jset'] as const;

const changed = (op: Operation, random: Random): Operation => {
  const near = (n: number) => n + pick([1, -1, 2, -2, 8, -8], random);
  switch (op.kind) {
    case 'alu': {
      const src =
        op.src.kind === 'imm' ? { ...op.src, imm: near(op.src.imm) } : { ...op.src, reg: random(10) };
      const width = op.width === 64 ? 32 : 64;
      return pick(
        [
          { ...op, src },
          { ...op, width },
          { ...op, op: pick(ALU, random) },
          { ...op, dst: random(10) },
        ],
        random,
      );
    }
    case 'branch': {
      const src =
        op.src.kind === 'imm' ? { ...op.src, imm: near(op.src.imm) } : { ...op.src, reg: random(10) };
      const width = op.width === 64 ? 32 : 64;
      return pick(
        [
          { ...op, src },
          { ...op, width },
          { ...op, op: pick(BRANCH, random) },
        ],
        random,
      );
    }
    case 'load': {
      const size = pick([1, 2, 4, 8] as const, random);
      return pick(
        [
          { ...op, off: near(op.off) },
          { ...op, size, signed: false },
          { ...op, dst: random(10) },
        ],
        random,
      );
    }
    case 'store':
      return pick(
        [
          { ...op, off: near(op.off) },
          { ...op, size: pick([1, 2, 4, 8] as const, random) },
        ],
        random,
      );
    case 'movsx':
      return { ...op, bits: pick([8, 16], random) };
    case 'swap':
      return {
        ...op,
        order: pick(['le', 'be', 'swap'] as const, random),
        bits: pick([16, 32, 64] as const, random),
      };
    default:
      return op;
  }
};

/** The program with one instruction changed, removed or repeated. */
export const mutate = (instructions: readonly Instruction[], random: Random): Uint8Array | undefined => {
  const at = random(instructions.length);
  const made = instructions.map(({ slot: _, ...op }): Operation => op as Operation);
  made[at] = changed(made[at]!, random);
  try {
    return encodeProgram(made);
  } catch {
    return undefined;
  }
};
