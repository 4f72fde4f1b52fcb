/** The file that carries programs to the peers (struct record of natives.h), and the lines that Linux' init prints. */
import type { PeerProgram } from './programs.ts';

const NAME_BYTES = 24;
const HEAD_BYTES = 40;

export type PeerInput = {
  readonly program: PeerProgram;
  readonly code: Uint8Array;
  readonly memory: Uint8Array;
  /** How often to run it for one sample. */
  readonly repeat: number;
};

const recordOf = ({ program, code, memory, repeat }: PeerInput): Uint8Array => {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  head.set(Buffer.from(program.name, 'latin1').subarray(0, NAME_BYTES - 1));
  view.setUint32(NAME_BYTES, code.length / 8, true);
  view.setUint32(NAME_BYTES + 4, repeat, true);
  view.setUint32(NAME_BYTES + 8, memory.length, true);
  return Buffer.concat([head, code, memory]);
};

export const programFile = (inputs: readonly PeerInput[]): Uint8Array => Buffer.concat(inputs.map(recordOf));

/** Result, memory and executed instructions of one way to run a program. */
export type Measured = { readonly result: number; readonly memory: Uint8Array; readonly executed: number };

export type LinuxLine = {
  readonly name: string;
  readonly native: Measured;
  /** Native, without vectors and unrolled loops. */
  readonly plain: Measured;
  /** Absent when Linux refused it. */
  readonly linux?: Measured;
  /** Why Linux refused it. */
  readonly errno?: number;
  /** Instructions that loading (verifying and compiling) took. */
  readonly load: number;
  /** Code of Linux' JIT. */
  readonly jit: Uint8Array;
};

const number = (name: string, key: string, text: string | undefined): number => {
  if (text === undefined || !/^\d+$/.test(text))
    throw new Error(`${name}: Linux printed no number for ${key}`);
  return Number(text);
};

const measured = (name: string, fields: ReadonlyMap<string, string>, who: string): Measured => ({
  result: number(name, `${who}_result`, fields.get(`${who}_result`)),
  memory: Buffer.from(fields.get(`${who}_memory`) ?? '', 'hex'),
  executed: number(name, `${who}_ns`, fields.get(`${who}_ns`)),
});

const lineOf = (line: string): LinuxLine => {
  const [, name = '?', ...pairs] = line.trim().split(' ');
  const fields = new Map(pairs.map((pair) => pair.split('=', 2) as [string, string]));
  const errno = fields.get('linux_errno');
  return {
    name,
    native: measured(name, fields, 'native'),
    plain: measured(name, fields, 'plain'),
    ...(errno ? { errno: Number(errno) } : { linux: measured(name, fields, 'linux') }),
    load: number(name, 'load_ns', fields.get('load_ns')),
    jit: Buffer.from(fields.get('jit') ?? '', 'hex'),
  };
};

/**
 * What init printed, by name of program.
 * @throws Error when the console does not reach the end, or lacks a figure
 */
export const readConsole = (text: string): ReadonlyMap<string, LinuxLine> => {
  if (!/^peers end/m.test(text)) throw new Error('Linux did not get to the end of its programs');
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith('peer '));
  return new Map(lines.map(lineOf).map((line) => [line.name, line]));
};

const RET = 0xd65f03c0;

/** Words up to the last return; what Linux puts behind (a long jump for tracing) never runs. */
export const wordsOf = (code: Uint8Array): number => {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  let words = code.length / 4;
  while (words > 0 && view.getUint32((words - 1) * 4, true) !== RET) words -= 1;
  return words;
};
