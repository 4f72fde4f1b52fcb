/** Instructions that can go: each is left out by itself, and stays out where what is left is proven to do the same. */
import { type Host, loadHost, type ModuleProgram, Reference } from '../../ebpf/index.ts';
import {
  type Code,
  copyCode,
  lift,
  lower,
  nodeOf,
  replaceNodes,
  tidied,
} from '../../ebpf/optimiser/index.ts';
import { processorMs } from '../../ebpf/processor-time.ts';
import { proveEquivalent } from '../../ebpf/prover/index.ts';
import { lookingAt } from '../proposer.ts';

export type Omission = {
  readonly code: Uint8Array;
  /** Instructions left out, branches that are always taken among them. */
  readonly count: number;
};

/** Runs that an attempt must pass before a proof is tried. */
const RUNS = 96;
/** Processor time of one proof, in ms: an attempt that needs more is given up. */
const PROOF_MS = 400;

/** The program without this node, and for a branch also the one that always takes it. */
const attemptsAt = (code: Code, at: number): Code[] => {
  const { op } = code[at]!;
  if (op.kind === 'exit') return [];
  const without = replaceNodes(copyCode(code), (_, i) => (i === at ? [] : undefined));
  if (op.kind !== 'branch') return [without];
  const taken = replaceNodes(copyCode(code), (node, i) =>
    i === at ? [nodeOf({ kind: 'jump', long: false, off: 0 }, node.target)] : undefined,
  );
  return [without, taken];
};

/** The bytes of a draft; undefined when a jump then leads nowhere. */
const bytesOf = (code: Code): Uint8Array | undefined => {
  try {
    return lower(code);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

class Search {
  readonly #host: Host;
  readonly #program: ModuleProgram;
  readonly #reference: Reference;
  readonly #end: number;

  constructor(host: Host, program: ModuleProgram, budgetMs: number) {
    this.#host = host;
    this.#program = program;
    this.#reference = new Reference(host, program, { runs: RUNS, seed: 0x0317 });
    this.#end = processorMs() + budgetMs;
  }

  isOver(): boolean {
    return processorMs() > this.#end;
  }

  /** Whether `after` is safe, does the same in a number of runs, and is proven to do the same as `before`. */
  async holds(before: Uint8Array, after: Uint8Array): Promise<boolean> {
    const candidate = { ...this.#program, code: after };
    if (!this.#host.verify(candidate).ok || !this.#reference.compare(candidate).same) return false;
    const { hook, maps } = this.#program;
    const proof = await proveEquivalent(before, after, { hook, maps, timeoutMs: PROOF_MS });
    return proof.verdict === 'proven';
  }
}

/** What is left of a program, rules applied; undefined when everything in it is needed. @param budgetMs processor time */
export const omissions = async (program: ModuleProgram, budgetMs: number): Promise<Omission | undefined> => {
  const host = await loadHost();
  const search = new Search(host, program, budgetMs);
  let code: Code = lift(program.code);
  let bytes = program.code;
  let count = 0;
  for (let at = code.length - 1; at >= 0 && !search.isOver(); at--)
    for (const attempt of attemptsAt(code, at)) {
      const made = bytesOf(attempt);
      if (!made || made.length === 0 || !(await search.holds(bytes, made))) continue;
      [code, bytes] = [attempt, made];
      count++;
      break;
    }
  if (count === 0) return undefined;
  const { facts, check } = lookingAt(host, program);
  const clean = lower(tidied(code, { maps: program.maps, facts: (some) => facts(lower(some)) }));
  return { code: clean.length <= bytes.length && check(clean) ? clean : bytes, count };
};
