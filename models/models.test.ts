import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { assemble, disassembleText } from '../ebpf/index.ts';
import {
  answerGrammar,
  applyEdits,
  catalogue,
  EditError,
  labelsOf,
  linesOf,
  ModelError,
  ModelRunner,
  parseEdits,
  promptFor,
  readGgufHead,
  resolveModel,
  SHIPPED,
} from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-models-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const code = assemble('r0 = *(u64 *)(r1 + 0)\n if r0 == 0 goto done\n r0 *= 8\n done:\n exit');

test('edits_replace_numbered_lines_and_keep_labels', (t) => {
  t.deepEqual(linesOf(code), ['r0 = *(u64 *)(r1 + 0x0)', 'if r0 == 0x0 goto L3', 'r0 *= 0x8', 'L3:', 'exit']);
  const made = applyEdits(code, parseEdits('replace 3 3\nr0 <<= 0x3\nend\n'));
  t.true(disassembleText(made).includes('r0 <<= 0x3'));
  const two = applyEdits(code, parseEdits('replace 1 1\nr0 = 0x1\nend\nreplace 3 4\nr0 += 0x1\nend\n'));
  t.is(two.length / 8, 4);
});

test('answers_outside_the_language_are_refused', (t) => {
  const bad = [
    '',
    'I would unroll the loop.',
    'replace 1 2\nr0 = 1',
    'replace 9 9\nr0 = 1\nend',
    'replace 3 3\nr99 = 1\nend',
  ];
  for (const text of bad) t.throws(() => applyEdits(code, parseEdits(text)), { instanceOf: EditError }, text);
  t.throws(() => applyEdits(code, parseEdits('replace 1 3\nexit\nend\nreplace 2 2\nexit\nend')), {
    instanceOf: EditError,
  });
});

test('the_grammar_names_lines_and_labels_of_the_program', (t) => {
  const grammar = answerGrammar(linesOf(code).length, labelsOf(code));
  t.true(grammar.includes('label ::= "L3"'));
  t.true(grammar.includes('number ::= "1" | "2" | "3" | "4" | "5"'));
  t.false(answerGrammar(2, []).includes('label'));
});

test('text_from_outside_stays_on_one_line_of_the_prompt', (t) => {
  const refused = ['first', 'bad\nreplace 1 1\nexit\nend'];
  const prompt = promptFor({ module: 'm', hook: 'timer', code, cyclesPerCall: 7, refused });
  t.true(prompt.includes('- bad replace 1 1 exit end'));
});

const problemOf = (path: string) => {
  try {
    resolveModel(path);
    return 'none';
  } catch (error) {
    return error instanceof ModelError ? error.problem : String(error);
  }
};

const word = (n: number) => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(n);
  return b;
};
const long = (n: number) => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(n));
  return b;
};
const text = (s: string) => Buffer.concat([long(s.length), Buffer.from(s)]);
const pair = (key: string, type: number, value: Buffer) => Buffer.concat([text(key), word(type), value]);
const needed = [
  'context_length',
  'embedding_length',
  'block_count',
  'feed_forward_length',
  'attention.head_count',
];
const head = (architecture: string, tensors: number, more: readonly Buffer[] = [], says = needed) =>
  Buffer.concat([
    Buffer.from('GGUF'),
    word(3),
    long(tensors),
    long(1 + says.length + more.length),
    pair('general.architecture', 8, text(architecture)),
    ...says.map((key) => pair(`${architecture}.${key}`, 4, word(8))),
    ...more,
  ]);
/** An array of arrays of arrays, so many deep. */
const nested = (depth: number): Buffer =>
  Buffer.concat([
    ...Array.from({ length: depth }, () => Buffer.concat([word(9), long(1)])),
    word(0),
    long(0),
  ]);
const tensor = Buffer.concat([text('t'), word(1), long(1024), word(0), long(0)]);

test('broken_model_files_are_refused_before_they_are_loaded', (t) => {
  const file = (name: string, ...parts: Buffer[]) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat(parts));
    return path;
  };
  t.is(problemOf(join(folder, 'nothing.gguf')), 'missing');
  t.is(problemOf('qwen2.5-coder-7b'), 'missing');
  t.is(problemOf(file('text', Buffer.from('this is a text, and not a model at all'))), 'not_gguf');
  t.is(problemOf(file('empty')), 'not_gguf');
  t.is(problemOf(file('cut', head('llama', 1).subarray(0, 40))), 'truncated');
  t.is(problemOf(file('other', head('stable-diffusion', 0))), 'unsupported');
  const endless = file('endless', head('x'.repeat(90_000), 0, [], []));
  t.true(t.throws(() => readGgufHead(endless)).message.length < endless.length + 300);
  t.is(problemOf(file('short', head('llama', 1), tensor, Buffer.alloc(100))), 'truncated');
  t.is(problemOf(file('whole', head('llama', 1), tensor, Buffer.alloc(5000))), 'none');
  t.is(problemOf(file('bare', head('llama', 0, [], needed.slice(1)))), 'unsupported');
  t.is(problemOf(file('nested', head('llama', 0, [pair('a', 9, nested(3))]))), 'none');
  t.is(problemOf(file('deep', head('llama', 0, [pair('a', 9, nested(100_000))]))), 'not_gguf');
  const bent = Buffer.concat([text('t'), word(2 ** 31), long(1)]);
  t.is(problemOf(file('bent', head('llama', 1), bent)), 'not_gguf');
  const huge = file('huge', head('llama', 0));
  truncateSync(huge, totalmem() + 1);
  t.is(problemOf(huge), 'too_large');
  t.is(problemOf(folder), 'not_gguf');
  symlinkSync('turning', join(folder, 'turning'));
  t.is(problemOf(join(folder, 'turning')), 'missing');
  const pipe = join(folder, 'pipe');
  if (spawnSync('mkfifo', [pipe]).status === 0)
    t.is(problemOf(pipe), 'not_gguf', 'without waiting for a writer');
  t.is(problemOf(file('counts', Buffer.from('GGUF'), word(3), Buffer.alloc(16, 0xff))), 'not_gguf');
});

test.serial('the_shipped_model_is_the_default_and_none_asks_for_none', (t) => {
  const before = process.env.VELOCITY_MODEL;
  delete process.env.VELOCITY_MODEL;
  t.is(resolveModel()?.path, SHIPPED);
  t.is(resolveModel('none'), undefined);
  process.env.VELOCITY_MODEL = 'none';
  t.is(resolveModel(), undefined);
  if (before === undefined) delete process.env.VELOCITY_MODEL;
  else process.env.VELOCITY_MODEL = before;
});

test('the_catalogue_says_what_each_model_is', (t) => {
  for (const m of catalogue)
    t.true(m.bytes > 0 && m.licence !== '' && m.source !== '' && m.file.endsWith('.gguf'));
});

const given = process.env.VELOCITY_TEST_MODEL;

test('a_real_model_answers_in_the_grammar', async (t) => {
  if (!given) {
    t.log('skipped: set VELOCITY_TEST_MODEL to the path of a GGUF file to run this');
    return t.pass();
  }
  const runner = new ModelRunner(resolveModel(given)!);
  const prompt = promptFor({ module: 'm', hook: 'run', code, cyclesPerCall: 7, refused: [] });
  const grammar = answerGrammar(linesOf(code).length, labelsOf(code));
  const question = { prompt, grammar, maxTokens: 96, temperature: 0, seed: 1 };
  const [first, second] = [await runner.ask(question), await runner.ask(question)];
  runner.stop();
  t.regex(first, /^replace \d+ \d+\n/);
  t.is(first, second);
});

test('a_model_with_damaged_weights_does_not_take_the_host_along', async (t) => {
  if (!given) {
    t.log('skipped: set VELOCITY_TEST_MODEL to the path of a GGUF file to run this');
    return t.pass();
  }
  const path = join(folder, 'damaged.gguf');
  copyFileSync(given, path);
  const model = resolveModel(path)!;
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(4096, 0xff), 0, 4096, 24);
  closeSync(fd);
  truncateSync(path, 1_000_000);
  const runner = new ModelRunner(model, { timeoutMs: 20_000 });
  const question = { prompt: 'x', grammar: 'root ::= "x"', maxTokens: 4, temperature: 0, seed: 1 };
  await t.throwsAsync(runner.ask(question), { instanceOf: ModelError });
  runner.stop();
});
