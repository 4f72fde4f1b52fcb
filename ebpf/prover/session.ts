/**
 * One attempt of a proof. Every path of the old program is followed; on each, the new program runs under that path's conditions, so
 * that it mostly has one path itself. What is not the same term by then is asked of the solver. Anything not understood is `unknown`.
 */
import { createHash } from 'node:crypto';
import { decodeProgram } from '../instruction.ts';
import { Budget } from './budget.ts';
import { type Counterexample, counterexampleOf } from './counterexample.ts';
import { Facts } from './facts.ts';
import { guess } from './guess.ts';
import { type Obligations, obligationsOf, type Pair } from './obligation.ts';
import { Parities } from './parity.ts';
import { Explorer, type Limits } from './paths.ts';
import { SIMPLIFIER_STEPS, Simplifier, type SimplifierBudget } from './simplify.ts';
import { type Script, scriptOf } from './smtlib.ts';
import { type Answer, solve } from './solver.ts';
import type { Adds, Event, State } from './state.ts';
import { ProofLimit, type Term } from './term.ts';
import { type Setting, World } from './world.ts';

export type Verdict = 'proven' | 'different' | 'unknown';

export type ProofOptions = Setting & {
  /**
   * Work for everything, in ms that it takes about; default 20,000. A busy machine may need longer for it, and comes to the same
   * verdict.
   */
  readonly timeoutMs?: number;
  /** Paths of the old program, and of the new one on each of them; default 2,048. */
  readonly maxPaths?: number;
  /** Instructions executed in all; default 1,500,000. */
  readonly maxSteps?: number;
  /** Told each question as an SMT-LIB script, and the solver's answer, so that others can ask it again. */
  readonly onQuestion?: (question: Question) => void;
};

/** One question of a proof: `unsat` means that no input shows a difference. */
export type Question = { readonly script: string; readonly answer: Answer['verdict'] };

export const PROVER_VERSION = 24;

export type Outcome = {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly counterexample?: Counterexample;
};

/** Pairs asked at once: larger questions take longer than their parts together. */
const PAIRS_PER_QUERY = 32;

/** Share of the time for an attempt that leaves unknown what was written at unknown offsets. */
const FIRST_SHARE = 0.5;

/** Events that these have more than that one, at most, where some of them may be added. */
const surplus = ({ events }: State, ends: readonly State[]): number =>
  Math.max(
    0,
    ...ends.filter((b) => b.events.some(({ plain }) => plain)).map((b) => b.events.length - events.length),
  );

const isEvent = (event: Event | undefined, what: string, args: readonly Term[]): boolean =>
  event?.what === what && event.args.every((arg, i) => arg === args[i]);

export class Session {
  readonly #timeoutMs: number;
  readonly #budget: Budget;
  queries = 0;
  paths = 0;
  readonly #transcript = createHash('sha256');
  readonly #onQuestion: ProofOptions['onQuestion'];
  readonly #world: World;
  readonly #limits: Limits;
  readonly #parities = new Parities();
  readonly #simplifying: SimplifierBudget = { left: SIMPLIFIER_STEPS };

  constructor(options: ProofOptions, before: Uint8Array, after: Uint8Array, writesAreUnknown: boolean) {
    const { maxPaths = 2048, maxSteps = 1_500_000, timeoutMs = 20_000 } = options;
    this.#world = new World(options, writesAreUnknown);
    this.#world.plainAtomicsAreEvents = decodeProgram(before).some((i) => i.kind === 'atomic');
    this.#timeoutMs = timeoutMs;
    this.#budget = new Budget(() => this.#world.algebra.work);
    this.#onQuestion = options.onQuestion;
    const isOver = () => this.#budget.isOver(this.#limit);
    this.#world.algebra.endWhen(isOver);
    this.#limits = { maxPaths, maxSteps, isOver };
    const { hook, memorySize } = options;
    const maps = options.maps.map((m) => ({ ...m, init: m.init && Buffer.from(m.init).toString('hex') }));
    this.#transcript.update(JSON.stringify({ PROVER_VERSION, hook, memorySize, maps, bytes: before.length }));
    this.#transcript.update(before).update(after);
  }

  get ms(): number {
    return this.#budget.ms;
  }

  /** Of what a proof may take, in ms. */
  get work(): number {
    return this.#budget.work;
  }

  /** An attempt that asks for more than is needed leaves time for one that does not. */
  get #limit(): number {
    return this.#world.hasUnknown ? this.#timeoutMs * FIRST_SHARE : this.#timeoutMs;
  }

  /** Whether a proof that failed says nothing, because more was asked than is needed. */
  get askedMore(): boolean {
    return this.#world.hasUnknown;
  }

  hash(verdict: Verdict): string {
    return this.#transcript.copy().update(verdict).digest('hex');
  }

  async #answer(conditions: readonly Term[]): Promise<Answer> {
    const script: Script = scriptOf(conditions);
    const left = this.#budget.stepsLeft(this.#limit);
    this.#transcript.update(script.text);
    const guessed = guess(conditions, script);
    if (guessed) return { ms: 0, steps: 0, verdict: 'sat', model: guessed };
    this.queries++;
    const answer = await solve(script, left);
    this.#budget.spend(answer);
    this.#onQuestion?.({ script: `${script.text}\n(check-sat)\n`, answer: answer.verdict });
    return answer;
  }

  async prove(before: Uint8Array, after: Uint8Array): Promise<Outcome> {
    const old = new Explorer(decodeProgram(before), this.#limits);
    const next = new Explorer(decodeProgram(after), this.#limits);
    const world = this.#world;
    const finished = old.run(world, [], new Facts(world.algebra));
    this.paths = finished.length;
    const matched = this.#match(finished, next);
    const outcome = matched ? await this.#compareAll(matched) : await this.#follow(finished, next, old);
    if (outcome) return outcome;
    const how = this.queries === 0 ? 'by rewriting alone' : `with ${this.queries} queries`;
    return { verdict: 'proven', reason: `equal on all ${this.paths} paths, ${how}` };
  }

  /**
   * Each path of the new program with the path of the old one that has the same conditions; undefined when one has none.
   * Paths of one program exclude each other, so no other two need comparing, and the new ones cover every input.
   */
  #match(finished: readonly State[], next: Explorer): [State, State][] | undefined {
    const { algebra } = this.#world;
    const old = new Map(finished.map((s) => [algebra.all(s.conditions), s]));
    try {
      const pairs = next
        .run(this.#world, [], new Facts(algebra))
        .map((b): [State | undefined, State] => [old.get(algebra.all(b.conditions)), b]);
      const isMatch = (pair: (typeof pairs)[number]): pair is [State, State] =>
        pair[0] !== undefined && surplus(pair[0], [pair[1]]) === 0;
      return pairs.every(isMatch) ? pairs : undefined;
    } catch (error) {
      if (error instanceof ProofLimit && !this.#limits.isOver()) return undefined;
      throw error;
    }
  }

  async #compareAll(pairs: readonly [State, State][]): Promise<Outcome | undefined> {
    for (const [a, b] of pairs) {
      const outcome = await this.#compare(a, b);
      if (outcome) return outcome;
    }
    return undefined;
  }

  /** Runs the new program under the conditions of each path of the old one. */
  async #follow(finished: readonly State[], next: Explorer, old: Explorer): Promise<Outcome | undefined> {
    for (const a of finished) {
      let outcome: Outcome | undefined;
      for (const ends of this.#endsUnder(a, next)) {
        outcome = await this.#compareEach(a, ends, old);
        if (!outcome) break;
      }
      if (outcome) return outcome;
    }
    return undefined;
  }

  async #compareEach(a: State, ends: readonly State[], old: Explorer): Promise<Outcome | undefined> {
    for (const b of ends) {
      const outcome = await this.#compare(a, b, old);
      if (outcome) return outcome;
    }
    return undefined;
  }

  /**
   * Where the new program ends under the conditions of a path of the old one. If it has atomics more than that, the last ones that
   * may be those are taken as added, then the first ones.
   */
  *#endsUnder(a: State, next: Explorer): Generator<readonly State[]> {
    const run = (adds?: Adds) => next.run(this.#world, a.conditions, a.facts.child(), adds);
    const ends = run();
    const more = surplus(a, ends);
    if (more === 0) yield ends;
    else {
      yield run((what, args, at) => !isEvent(a.events[at], what, args));
      yield run((_what, _args, _at, added) => added < more);
    }
  }

  /** What rewriting leaves open of what both states must agree on. */
  #openIn(a: State, b: State, facts: Facts): Obligations {
    const { pairs, mismatch } = obligationsOf(this.#world, a, b);
    if (mismatch || pairs.length === 0) return { pairs, ...(mismatch ? { mismatch } : {}) };
    const simplifier = new Simplifier(this.#world.algebra, facts, this.#simplifying);
    return {
      pairs: pairs
        .map((p) => ({ ...p, left: simplifier.simplify(p.left), right: simplifier.simplify(p.right) }))
        .filter((p) => p.left !== p.right && !this.#parities.areEqual(p.left, p.right)),
    };
  }

  /**
   * Nothing when the two states agree for every input that leads to both.
   * @param old the old program, where the new one may have more paths: what is left open then is looked at once more with what
   * the new one's path knows, which settles conditions that the old one's ways were merged under
   */
  async #compare(a: State, b: State, old?: Explorer): Promise<Outcome | undefined> {
    const { pairs, mismatch } = this.#openIn(a, b, b.facts);
    if (mismatch) return this.#decide(b.conditions, mismatch, []);
    if (pairs.length === 0) return undefined;
    if (!old || b.conditions.length === a.conditions.length) return this.#ask(b.conditions, pairs);
    for (const again of old.run(this.#world, b.conditions, b.facts.child())) {
      const left = this.#openIn(again, b, again.facts);
      const outcome = left.mismatch
        ? await this.#decide(again.conditions, left.mismatch, [])
        : await this.#ask(again.conditions, left.pairs);
      if (outcome) return outcome;
    }
    return undefined;
  }

  async #ask(conditions: readonly Term[], open: readonly Pair[]): Promise<Outcome | undefined> {
    for (let at = 0; at < open.length; at += PAIRS_PER_QUERY) {
      const some = open.slice(at, at + PAIRS_PER_QUERY);
      const outcome = await this.#decide(conditions, some.map((p) => p.what).join(', '), some);
      if (outcome) return outcome;
    }
    return undefined;
  }

  async #decide(
    conditions: readonly Term[],
    what: string,
    pairs: readonly Pair[],
  ): Promise<Outcome | undefined> {
    const { algebra } = this.#world;
    const differs = pairs.map((p) => algebra.not(algebra.eq(p.left, p.right)));
    const wrong = pairs.length === 0 ? algebra.true : algebra.any(differs);
    if (wrong === algebra.false) return undefined;
    const answer = await this.#answer([...conditions, wrong]);
    if (answer.verdict === 'unsat') return undefined;
    if (answer.verdict === 'unknown') return { verdict: 'unknown', reason: `${what}: ${answer.reason}` };
    const counterexample = counterexampleOf(this.#world.setting, what, answer.model);
    return { verdict: 'different', reason: `these may differ: ${what}`, counterexample };
  }
}
