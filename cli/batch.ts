/** Batches of programs for `velocity bpf run`: JSON lines in, one answer a line out, in the same order. */
import { CodecError } from '../abi/index.ts';
import { RefusedError, type Response } from '../link/index.ts';

export type Program = { readonly id: unknown; readonly code: Uint8Array; readonly mem: Uint8Array };
export type BatchError = { readonly code: string; readonly insn?: number; readonly message: string };
export type Answer =
  | {
      readonly id: unknown;
      readonly ok: true;
      readonly r0: string;
      readonly mem: string;
      readonly insns: number;
      readonly jit_bytes: number;
    }
  | { readonly id: unknown; readonly ok: false; readonly error: BatchError };

/** The line is not what the format asks for. */
class LineError extends Error {
  readonly id: unknown;
  constructor(id: unknown, message: string) {
    super(message);
    this.id = id;
  }
}

const parseObject = (line: string): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new LineError(null, `the line is not JSON: ${(cause as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineError(null, 'the line is not a JSON object');
  }
  return value as Record<string, unknown>;
};

const fromHex = (id: unknown, key: string, value: unknown): Uint8Array => {
  if (typeof value !== 'string') throw new LineError(id, `"${key}" must be a string of hex digits`);
  if (value.length % 2 !== 0) throw new LineError(id, `"${key}" has an odd number of hex digits`);
  if (!/^[0-9a-fA-F]*$/.test(value)) throw new LineError(id, `"${key}" holds something else than hex digits`);
  return Buffer.from(value, 'hex');
};

const parseLine = (line: string): Program => {
  const object = parseObject(line);
  const id = object.id ?? null;
  return { id, code: fromHex(id, 'code', object.code), mem: fromHex(id, 'mem', object.mem ?? '') };
};

/** Errors that belong to this one program; any other ends the batch. */
const errorOf = (error: unknown): BatchError | undefined => {
  if (error instanceof LineError) return { code: 'bad_line', message: error.message };
  if (error instanceof CodecError) return { code: 'too_long', message: error.message };
  if (!(error instanceof RefusedError)) return undefined;
  return {
    code: error.status,
    ...(error.insn === undefined ? {} : { insn: error.insn }),
    message: error.detail || error.sentence,
  };
};

const answerOf = (id: unknown, result: Response<'run'>): Answer => ({
  id,
  ok: true,
  r0: `0x${result.r0.toString(16)}`,
  mem: Buffer.from(result.mem).toString('hex'),
  insns: Number(result.cycles),
  jit_bytes: result.jit_bytes,
});

/** Runs one line. @throws what is the link's fault, not the program's */
export const runLine = async (
  line: string,
  run: (program: Program) => Promise<Response<'run'>>,
): Promise<Answer> => {
  let id: unknown = null;
  try {
    const program = parseLine(line);
    id = program.id;
    return answerOf(id, await run(program));
  } catch (error) {
    const own = errorOf(error);
    if (!own) throw error;
    return { id: error instanceof LineError ? error.id : id, ok: false, error: own };
  }
};
