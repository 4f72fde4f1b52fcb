/** An input on which two programs differ, read out of a solver's model. */
import { UART_LINE_BYTES } from '../../abi/index.ts';
import { Evaluator } from './evaluate.ts';
import type { Term } from './term.ts';
import { MAX_FRAME_BYTES, type Setting } from './world.ts';

export type Counterexample = {
  /** What differs, e.g. `r0`. */
  readonly what: string;
  /** Every input that the proof mentions, by name, in hex. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Bytes of the memory (hook run) or frame (hook packet), in hex; bytes that do not matter are zero. */
  readonly bytes?: string;
};

const nameOf = (t: Term): string => {
  if (t.op === 'var') return t.name;
  const [index] = t.args;
  return index!.op === 'const' ? `${t.name}[${BigInt.asIntN(64, index!.value)}]` : `${t.name}[t${index!.id}]`;
};

/** What is read, by name and place, in a model that names places by terms: those of later ones may hang on what earlier ones read. */
const readsOf = (model: ReadonlyMap<Term, bigint>): ReadonlyMap<string, bigint> => {
  const values = new Map([...model].map(([t, value]) => [t.name, value]));
  const reads = new Map<string, bigint>();
  const evaluator = new Evaluator({
    variable: (name) => values.get(name) ?? 0n,
    select: (name, index) => reads.get(`${name}[${index}]`) ?? 0n,
  });
  for (const [t, value] of model)
    if (t.op === 'select') reads.set(`${t.name}[${evaluator.value(t.args[0]!)}]`, value);
  return reads;
};

export const counterexampleOf = (
  setting: Setting,
  what: string,
  model: ReadonlyMap<Term, bigint>,
): Counterexample => {
  const inputs = Object.fromEntries([...model].map(([t, v]) => [nameOf(t), `0x${v.toString(16)}`]));
  const name = setting.hook === 'run' ? 'memory' : 'packet';
  const length = [...model].find(([t]) => t.name === 'packet.length')?.[1] ?? 0n;
  const size = { run: setting.memorySize ?? 0, uart_line: UART_LINE_BYTES, packet: Number(length), timer: 0 }[
    setting.hook
  ];
  if (setting.hook === 'timer' || size > Number(MAX_FRAME_BYTES) * 32) return { what, inputs };
  const bytes = new Uint8Array(size);
  const reads = readsOf(model);
  for (const at of bytes.keys()) bytes[at] = Number(reads.get(`${name}[${at}]`) ?? 0n);
  return { what, inputs, bytes: Buffer.from(bytes).toString('hex') };
};
