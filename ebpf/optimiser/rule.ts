/** A rewrite rule. It need not be right: a candidate counts only after the verifier and the prover have accepted it. */
import type { Code } from './code.ts';

/** What is wanted of a candidate: fewer executed instructions, fewer slots, or both weighed alike. */
export type Objective = 'speed' | 'balanced' | 'size';

/** What rules and proofs may know of a map. */
export type MapFacts = {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly init?: Uint8Array | undefined;
};

/** What the optimiser knows of the program's surroundings. */
export type Context = {
  /** Maps by the index that ld_imm64 carries. */
  readonly maps: readonly MapFacts[];
  /** What is wanted. Default `speed`. */
  readonly objective?: Objective;
  /** Most slots that a program is wanted to have. */
  readonly maxSlots?: number;
  /** What the verifier proved of each slot of this code (bits of enum bpf_fact); undefined when it refuses the code. */
  readonly facts?: (code: Code) => Uint8Array | undefined;
};

export type Rule = {
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  /** The program after applying the rule everywhere it fits; undefined when it fits nowhere. The argument stays as it is. */
  readonly apply: (code: Code, context: Context) => Code | undefined;
};

/** A change that does not always pay, or is not always right: tried beside leaving it, and kept only where it gains. */
export type Move = {
  readonly name: string;
  readonly doc: string;
  /** The program with the change made at one place or other. The argument stays as it is. */
  readonly sites: (code: Code, context: Context) => readonly Code[];
};
