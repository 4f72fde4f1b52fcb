/** The shipped model for loops as a proposer: asked what does eight bytes a turn in a loop's place. */
import { loadHost } from '../ebpf/index.ts';
import { type AskOptions, askAboutLoops, type ResolvedModel, type RunnerOptions } from '../models/index.ts';
import { given, isSound, recording, type StoppableProposer, shippedRunner } from './shipped-model.ts';

export type LoopModelOptions = RunnerOptions & AskOptions;

/** Answers that are made side by side. */
const SEQUENCES = 4;
/** Runs that throw out an answer before the whole program is judged. */
const RUNS = 64;

const different = (programs: readonly Uint8Array[]): Uint8Array[] => [
  ...new Map(programs.map((code) => [Buffer.from(code).toString('hex'), code])).values(),
];

export const loopProposer = (model: ResolvedModel, options: LoopModelOptions = {}): StoppableProposer => {
  const { samples, seed, ...rest } = options;
  const asking = given({ samples, seed });
  const runner = shippedRunner(model, SEQUENCES, rest);
  return {
    name: 'model',
    warm: () => void runner.start().catch(() => undefined),
    stop: () => runner.stop(),
    async *propose({ program, memorySize, signal }) {
      const host = await loadHost();
      const { answer, promptHash } = recording(runner);
      const runs = { runs: RUNS, ...(memorySize === undefined ? {} : { memorySize }) };
      for await (const { window, programs } of askAboutLoops(program.code, answer, asking)) {
        if (signal?.aborted) return;
        const note = `loop at ${window.header}: ${8 / window.size} elements a turn`;
        const modelHash = await runner.hash();
        // All of them: one that is wrong in few runs only is found out later, and must not hide a right one.
        for (const code of different(programs))
          if (isSound(host, program, code, runs))
            yield { code, proposer: 'model', note, modelHash, promptHash: promptHash() };
      }
    },
  };
};
