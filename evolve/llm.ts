/** A language model as a proposer. What it writes is held to a grammar, then judged like everything else. */
import { createHash } from 'node:crypto';
import {
  answerGrammar,
  applyEdits,
  DIALECT,
  EditError,
  EngineProcess,
  LOOP_DIALECT,
  labelsOf,
  linesOf,
  ModelError,
  ModelRunner,
  parseEdits,
  promptFor,
  type ResolvedModel,
  resolveModel,
  SHIPPED,
  SHIPPED_LOOPS,
} from '../models/index.ts';
import { loopProposer } from './loop-model.ts';
import { ProposerError } from './proposer.ts';
import type { StoppableProposer } from './shipped-model.ts';
import { type WindowModelOptions, windowProposer } from './window-model.ts';

export type LlmOptions = WindowModelOptions & {
  /** Answers asked for per detection; default 4. The first is the likeliest one, the others are sampled. */
  readonly samples?: number;
  /** Longest answer; default 256. */
  readonly maxTokens?: number;
  /** First seed; default 1. */
  readonly seed?: number;
};

const TEMPERATURE = 0.7;
const NOT_A_PROGRAM = new Uint8Array(0);

const programFrom = (code: Uint8Array, answer: string): { code: Uint8Array; note: string } => {
  try {
    return { code: applyEdits(code, parseEdits(answer)), note: answer };
  } catch (error) {
    if (!(error instanceof EditError)) throw error;
    return { code: NOT_A_PROGRAM, note: `${error.message}: ${answer.slice(0, 200)}` };
  }
};

export type LlmProposer = StoppableProposer;

/** What ships with Velocity: the model for loops, then the one for straight pieces, in one process. */
const shippedProposer = (model: ResolvedModel, loops: ResolvedModel, options: LlmOptions): LlmProposer => {
  const { process = new EngineProcess() } = options;
  const [first, then] = [
    loopProposer(loops, { ...options, process }),
    windowProposer(model, { ...options, process }),
  ];
  return {
    name: 'model',
    warm: () => {
      first.warm();
      then.warm();
    },
    stop: () => process.stop(),
    async *propose(context) {
      yield* first.propose(context);
      yield* then.propose(context);
    },
  };
};

/**
 * The model loads at the first proposal. Call `stop` when done: its process stays warm until then.
 * A model made for this project is asked piece by piece in its own words, any other for edits of numbered lines.
 */
export const llmProposer = (model: ResolvedModel, options: LlmOptions = {}): LlmProposer => {
  const { dialect } = model.head;
  if (dialect === LOOP_DIALECT) return loopProposer(model, options);
  if (dialect !== DIALECT) return editProposer(model, options);
  const loops = model.path === SHIPPED ? resolveModel(SHIPPED_LOOPS) : undefined;
  return loops ? shippedProposer(model, loops, options) : windowProposer(model, options);
};

const editProposer = (model: ResolvedModel, options: LlmOptions): LlmProposer => {
  const runner = new ModelRunner(model, options);
  const { samples = 4, maxTokens = 256, seed = 1 } = options;
  return {
    name: 'model',
    warm: () => void runner.start().catch(() => undefined),
    stop: () => runner.stop(),
    async *propose({ program, detection, refused, signal }) {
      const { name: module, hook, code } = program;
      const prompt = promptFor({ module, hook, code, cyclesPerCall: detection.cyclesPerCall, refused });
      const grammar = answerGrammar(linesOf(code).length, labelsOf(code));
      const promptHash = new Uint8Array(createHash('sha256').update(prompt).update(grammar).digest());
      for (let i = 0; i < samples && !signal?.aborted; i++) {
        const question = {
          prompt,
          grammar,
          maxTokens,
          temperature: i === 0 ? 0 : TEMPERATURE,
          seed: seed + i,
        };
        const answer = await runner.ask(question).catch((cause: unknown) => {
          if (cause instanceof ModelError) throw new ProposerError(cause.message, { cause });
          throw cause;
        });
        yield { ...programFrom(code, answer), proposer: 'model', modelHash: await runner.hash(), promptHash };
      }
    },
  };
};
