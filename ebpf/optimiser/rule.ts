/** A rewrite rule. It need not be right: a candidate counts only after the verifier and the prover have accepted it. */
import type { Code } from './code.ts';

/** What the optimiser knows of the program's surroundings. */
export type Context = {
  /** Maps by the index that ld_imm64 carries. */
  readonly maps: readonly { readonly flags: number; readonly init?: Uint8Array | undefined }[];
};

export type Rule = {
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  /** The program after applying the rule everywhere it fits; undefined when it fits nowhere. The argument stays as it is. */
  readonly apply: (code: Code, context: Context) => Code | undefined;
};
