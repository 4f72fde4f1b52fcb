/** An input on which two programs differ, read out of a solver's model. */
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

export const counterexampleOf = (
  setting: Setting,
  what: string,
  model: ReadonlyMap<Term, bigint>,
): Counterexample => {
  const inputs = Object.fromEntries([...model].map(([t, v]) => [nameOf(t), `0x${v.toString(16)}`]));
  const name = setting.hook === 'run' ? 'memory' : 'packet';
  const length = [...model].find(([t]) => t.name === 'packet.length')?.[1] ?? 0n;
  const size = setting.hook === 'run' ? (setting.memorySize ?? 0) : Number(length);
  if (setting.hook === 'timer' || size > Number(MAX_FRAME_BYTES) * 32) return { what, inputs };
  const bytes = new Uint8Array(size);
  for (const [t, value] of model) {
    const index = t.op === 'select' && t.name === name && t.args[0]!.op === 'const' ? t.args[0]!.value : -1n;
    if (index >= 0n && index < BigInt(size)) bytes[Number(index)] = Number(value);
  }
  return { what, inputs, bytes: Buffer.from(bytes).toString('hex') };
};
