/** Goes over a program window by window with a model, and puts what it shortens back into the program. */
import { lift, lower, nodeOf } from '../../ebpf/optimiser/index.ts';
import type { Completion } from '../runner.ts';
import { readAnswer } from './answer.ts';
import { type Spelling, spell } from './canonical.ts';
import { windowGrammar } from './grammar.ts';
import { idOf, questionOf } from './vocabulary.ts';
import { type PlacedWindow, type PlainOperation, slotsIn, windowsOf } from './window.ts';

export type Answerer = (completions: readonly Completion[]) => Promise<readonly (readonly number[])[]>;

export type RewriteOptions = {
  /** Answers per window; the first is the likeliest one, the others are sampled. Default 4. */
  readonly samples?: number;
  /** Most windows asked about in one round; the longest come first. Default 24. */
  readonly windows?: number;
  /** Rounds; each starts from what the one before made. Default 3. */
  readonly rounds?: number;
  /** First seed of the samples; default 1. */
  readonly seed?: number;
  /** Keeps those of the replacements found that are worth putting together; default: all. */
  readonly sieve?: (program: Uint8Array, found: readonly Replacement[]) => Promise<readonly Replacement[]>;
  /** No more questions are asked after this time (performance.now()). */
  readonly deadline?: number;
};

export type Replacement = {
  readonly start: number;
  readonly count: number;
  readonly operations: readonly PlainOperation[];
  /** Slots that it saves. */
  readonly gain: number;
};

/** Instructions of a window that is asked about, and from one to the next in a longer piece. */
const LONGEST = 10;
const STRIDE = 5;

const TEMPERATURE = 0.8;
const MOST_WORDS = 128;

type Place = { readonly window: PlacedWindow; readonly spelling: Spelling };
/** One question, and every window of the program that it is about. */
type Asked = { readonly places: Place[]; readonly tokens: readonly number[] };

/** Words that a question and its answer may take together. */
export const CONTEXT_WORDS = 320;

const completionOf = ({ places, tokens }: Asked, sample: number, seed: number): Completion => ({
  tokens,
  grammar: windowGrammar(places[0]!.spelling.window),
  maxTokens: Math.min(MOST_WORDS, CONTEXT_WORDS - tokens.length),
  temperature: sample === 0 ? 0 : TEMPERATURE,
  seed: seed + sample,
});

const replacementsOf = ({ places }: Asked, answer: readonly number[]): Replacement[] =>
  places.flatMap(({ window, spelling }) => {
    const reading = readAnswer(window, spelling, answer);
    if (reading.kind !== 'shorter') return [];
    const { operations } = reading;
    const gain = slotsIn(window.operations) - slotsIn(operations);
    return [{ start: window.start, count: window.operations.length, operations, gain }];
  });

/** The most gain, of replacements that do not overlap. */
export const compatible = (found: readonly Replacement[]): Replacement[] => {
  const out: Replacement[] = [];
  for (const r of [...found].sort((a, b) => b.gain - a.gain || a.start - b.start))
    if (out.every((o) => r.start + r.count <= o.start || o.start + o.count <= r.start)) out.push(r);
  return out;
};

/** The program with windows replaced; jumps to a window lead to what replaces it. @throws RangeError */
export const splice = (program: Uint8Array, replacements: readonly Replacement[]): Uint8Array => {
  const code = lift(program);
  const out = [...code];
  const standIn = new Map<(typeof out)[number], (typeof out)[number] | undefined>();
  for (const r of [...replacements].sort((a, b) => b.start - a.start)) {
    const made = r.operations.map((op) => nodeOf(op));
    const removed = out.splice(r.start, r.count, ...made);
    for (const node of removed) standIn.set(node, made[0] ?? out[r.start]);
  }
  for (const node of out) {
    let to = node.target;
    while (to && standIn.has(to)) to = standIn.get(to);
    node.target = to;
  }
  return lower(out);
};

/** Questions that were not asked before, about the longest windows first. */
const chosen = (program: Uint8Array, most: number, known: ReadonlySet<string>): Asked[] => {
  const questions = new Map<string, Asked>();
  for (const window of windowsOf(program, LONGEST, STRIDE)) {
    const spelling = spell(window);
    const tokens = questionOf(spelling.window).map(idOf);
    const key = tokens.join();
    if (known.has(key) || tokens.length >= CONTEXT_WORDS - 16) continue;
    const question = questions.get(key) ?? { places: [], tokens };
    question.places.push({ window, spelling });
    questions.set(key, question);
  }
  return [...questions.values()].sort((a, b) => b.tokens.length - a.tokens.length).slice(0, most);
};

/** One pass: what each window became, best of `samples`. Later samples are only asked where the earlier ones gained nothing. */
const round = async (answer: Answerer, questions: readonly Asked[], options: RewriteOptions) => {
  const { samples = 4, seed = 1, deadline = Number.POSITIVE_INFINITY } = options;
  const found: Replacement[] = [];
  let open = [...questions];
  for (let sample = 0; sample < samples && open.length > 0 && performance.now() < deadline; sample++) {
    const answers = await answer(open.map((q) => completionOf(q, sample, seed)));
    open = open.filter((question, i) => {
      const replacements = replacementsOf(question, answers[i] ?? []);
      found.push(...replacements);
      return replacements.length === 0;
    });
  }
  return compatible(found);
};

export type Rewritten = { readonly code: Uint8Array; readonly replacements: readonly Replacement[] };

/** Programs with ever more windows replaced, each starting from the one before. */
export async function* rewritten(
  program: Uint8Array,
  answer: Answerer,
  options: RewriteOptions = {},
): AsyncGenerator<Rewritten> {
  const { windows = 24, rounds = 3, deadline = Number.POSITIVE_INFINITY } = options;
  const known = new Set<string>();
  let code = program;
  for (let i = 0; i < rounds && performance.now() < deadline; i++) {
    const questions = chosen(code, windows, known);
    for (const { tokens } of questions) known.add(tokens.join());
    const found = await round(answer, questions, options);
    const replacements = options.sieve ? await options.sieve(code, found) : found;
    if (replacements.length === 0) return;
    code = splice(code, replacements);
    yield { code, replacements };
  }
}
