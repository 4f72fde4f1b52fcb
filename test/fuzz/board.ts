/** Random programs on an emulated board: what its JIT makes of them must leave what the interpreter left. */
import { startBoard } from '../../cli/virtual.ts';
import { RefusedError, VelocityLink } from '../../link/index.ts';

/** A line of the oracle: test/verifier/oracle/shown.h. */
export type BoardProgram = {
  /** Seed of the program. */
  readonly board: number;
  readonly code: string;
  readonly certificate: string;
  readonly runs: readonly (readonly [before: string, after: string, r0: string])[];
};

export type OracleBoard = {
  /** What is wrong, or nothing. */
  complaint(program: BoardProgram): Promise<string | undefined>;
  programs(): number;
  runs(): number;
  stop(): Promise<void>;
};

const BOOT_TIMEOUT_MS = 120_000;
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

/** Starts it; `stop` ends it. Its clock is that of the machine, not counted: nothing is measured. */
export const openOracleBoard = async (say: (line: string) => void): Promise<OracleBoard> => {
  const board = await startBoard('qemu-virt', say, { clock: 'wall' });
  let link: VelocityLink;
  try {
    link = await VelocityLink.open(board.address, { readyTimeoutMs: BOOT_TIMEOUT_MS });
  } catch (error) {
    await board.stop();
    throw error;
  }
  let [programs, runs] = [0, 0];
  const complaintOfRun = async (p: BoardProgram, i: number): Promise<string | undefined> => {
    const [before, after, r0] = p.runs[i]!;
    const program = { jit: true, code: bytes(p.code), mem: bytes(before), certificate: bytes(p.certificate) };
    try {
      const answer = await link.runProgram(program);
      runs++;
      const [left, result] = [Buffer.from(answer.mem).toString('hex'), answer.r0.toString(16)];
      if (result !== r0) return `on the board, input ${i}: r0 is 0x${result}, interpreter has 0x${r0}`;
      if (left !== after) return `on the board, input ${i}: memory is ${left}, interpreter has ${after}`;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return `the board refuses it: ${error.message}`;
    }
    return undefined;
  };
  return {
    complaint: async (program) => {
      programs++;
      for (let i = 0; i < program.runs.length; i++) {
        const complaint = await complaintOfRun(program, i);
        if (complaint !== undefined) return complaint;
      }
      return undefined;
    },
    programs: () => programs,
    runs: () => runs,
    stop: async () => {
      await link.close();
      await board.stop();
    },
  };
};
