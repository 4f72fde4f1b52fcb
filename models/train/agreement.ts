/** Whether llama.cpp answers as the training script does: `npx tsx models/train/agreement.ts MODEL.gguf` after `export.py --samples`. */
import { readFileSync } from 'node:fs';
import { CONTEXT_WORDS, ModelRunner, resolveModel } from '../index.ts';

type Sample = { readonly question: readonly number[]; readonly answer: readonly number[] };

/** Any words at all. */
const ANYTHING = 'root ::= [^\\x00]*';

const main = async (path: string) => {
  const samples = JSON.parse(readFileSync(`${path}.samples.json`, 'utf8')) as Sample[];
  const runner = new ModelRunner(resolveModel(path)!, { threads: 1, contextTokens: CONTEXT_WORDS });
  await runner.start();
  const started = performance.now();
  const answers = await runner.complete(
    samples.map(({ question }) => ({
      tokens: question,
      grammar: ANYTHING,
      maxTokens: 160,
      temperature: 0,
      seed: 1,
    })),
  );
  const ms = Math.round(performance.now() - started);
  runner.stop();
  const same = answers.filter((a, i) => a.join() === samples[i]!.answer.join()).length;
  const words = answers.reduce((n, a) => n + a.length, 0);
  process.stdout.write(
    `${same} of ${samples.length} answers agree word for word; ${words} words in ${ms} ms\n`,
  );
};

await main(process.argv[2] ?? 'models/velocity-window.gguf');
