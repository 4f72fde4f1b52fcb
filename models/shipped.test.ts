import { fork, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { assembleOperations } from '../ebpf/index.ts';
import {
  CONTEXT_WORDS,
  DIALECT,
  EngineProcess,
  idOf,
  isPlain,
  LOOP_DIALECT,
  loopWords,
  ModelRunner,
  operationsOf,
  questionOf,
  resolveModel,
  SAME,
  SHIPPED,
  SHIPPED_LOOPS,
  spell,
  textOf,
  type Window,
  windowGrammar,
  words,
} from './index.ts';

const MOST_BYTES = 8_000_000;

const text = (s: string) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(s)));
  return Buffer.concat([length, Buffer.from(s)]);
};

test('the_shipped_file_speaks_the_words_of_this_version', (t) => {
  const { head } = resolveModel(SHIPPED)!;
  t.is(head.dialect, DIALECT);
  t.is(head.contextLength, CONTEXT_WORDS);
  t.true(statSync(SHIPPED).size <= MOST_BYTES);
  t.true(readFileSync(SHIPPED).includes(Buffer.concat(words.map(text))));
});

test('the_shipped_file_for_loops_speaks_the_words_of_this_version', (t) => {
  const { head } = resolveModel(SHIPPED_LOOPS)!;
  t.is(head.dialect, LOOP_DIALECT);
  t.is(head.contextLength, CONTEXT_WORDS);
  t.true(statSync(SHIPPED).size + statSync(SHIPPED_LOOPS).size <= MOST_BYTES);
  t.true(readFileSync(SHIPPED_LOOPS).includes(Buffer.concat(loopWords.map(text))));
});

for (const file of [SHIPPED, SHIPPED_LOOPS])
  test(`the_card_is_about_this_file: ${basename(file)}`, (t) => {
    const card = readFileSync(file.replace(/gguf$/, 'md'), 'utf8');
    t.true(card.includes(createHash('sha256').update(readFileSync(file)).digest('hex')));
  });

const windowOf = (source: string, liveOut: number): Window => ({
  operations: assembleOperations(source).filter(isPlain),
  liveOut,
});

const windows = [
  windowOf('r1 = r0\n r1 <<= 32\n r1 >>= 32\n w2 = *(u8 *)(r0 + 4)', 0b110),
  windowOf('w2 = *(u8 *)(r1 + 0)\n w3 = *(u8 *)(r1 + 1)\n r3 <<= 8\n r3 |= r2', 0b1000),
  windowOf('*(u8 *)(r1 + 0) = 0\n *(u8 *)(r1 + 1) = 0', 0),
];

test('every_answer_of_the_shipped_model_is_in_the_grammar_and_repeats', async (t) => {
  const runner = new ModelRunner(resolveModel(SHIPPED)!, {
    threads: 1,
    contextTokens: CONTEXT_WORDS,
    sequences: 2,
  });
  const questions = windows.flatMap((window) => {
    const { window: spelled } = spell(window);
    const tokens = questionOf(spelled).map(idOf);
    const grammar = windowGrammar(spelled);
    return [0, 0.8, 2].map((temperature, i) => ({ tokens, grammar, maxTokens: 96, temperature, seed: i }));
  });
  const first = await runner.complete(questions);
  const second = await runner.complete(questions);
  runner.stop();
  t.deepEqual(first, second);
  for (const answer of first) {
    const said = textOf(answer);
    if (said !== SAME && answer.length < 96) t.notThrows(() => operationsOf(said), said);
  }
});

test('models_share_a_process_and_come_back_after_it_was_ended', async (t) => {
  const process = new EngineProcess();
  t.teardown(() => process.stop());
  const question = { tokens: [0], grammar: 'root ::= "r1"', maxTokens: 2, temperature: 0, seed: 1 };
  const settings = { threads: 1, contextTokens: 64, timeoutMs: 120_000, process };
  const runners = [SHIPPED, SHIPPED_LOOPS].map((path) => new ModelRunner(resolveModel(path)!, settings));
  const askBoth = () => Promise.all(runners.map((runner) => runner.complete([question])));
  const answers = await askBoth();
  t.deepEqual(answers[0], [[idOf('r1')]]);
  process.stop();
  t.deepEqual(await askBoth(), answers);
});

test('a_process_that_was_killed_is_told_and_the_next_question_starts_another', async (t) => {
  const engine = new EngineProcess();
  t.teardown(() => engine.stop());
  const settings = { threads: 1, contextTokens: 64, timeoutMs: 120_000, process: engine };
  const runner = new ModelRunner(resolveModel(SHIPPED_LOOPS)!, settings);
  await runner.start();
  const { pid } = engine;
  spawnSync('sh', ['-c', `kill -9 ${pid}; sleep 1`]); // nothing is heard of it meanwhile
  await t.throwsAsync(engine.ask(SHIPPED_LOOPS, { completions: [] }, 60_000), {
    message: /its process is gone/,
  });
  await runner.start();
  t.not(engine.pid, pid);
});

test('without_its_engine_a_model_says_so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-runtime-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'runner-child.mjs');
  copyFileSync(fileURLToPath(new URL('./runner-child.mjs', import.meta.url)), path);
  const child = fork(path, [join(folder, 'node-llama-cpp.js')], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.send({ path: SHIPPED, threads: 1, contextTokens: 64, sequences: 1 });
  const [reply] = (await once(child, 'message')) as [{ error?: string; problem?: string }];
  child.kill();
  t.is(reply.problem, 'no_engine');
  t.regex(reply.error ?? '', /node-llama-cpp does not run here/);
});
