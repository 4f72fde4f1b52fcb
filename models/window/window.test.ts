import test from 'ava';
import { assemble, assembleOperations, disassembleText } from '../../ebpf/index.ts';
import {
  answerOf,
  idOf,
  isPlain,
  operationsOf,
  type PlainOperation,
  questionOf,
  readAnswer,
  rewritten,
  SAME,
  spell,
  splice,
  textOf,
  unspell,
  type Window,
  windowGrammar,
  windowsAgree,
  windowsOf,
  words,
  wordsOf,
} from './index.ts';
import { bytesOf } from './window.ts';

const plain = (text: string): PlainOperation[] => assembleOperations(text).filter(isPlain);

const samples = `
  r1 = r2
  w3 = w4
  r1 = -r1
  w2 = -w2
  r5 = (s8)r6
  w5 = (s16)w6
  r1 = be16 r1
  r1 = le32 r1
  r1 = bswap64 r1
  w1 = *(u8 *)(r2 + 0x0)
  w1 = *(u16 *)(r10 - 0x8)
  r1 = *(u64 *)(r2 + 0x1234)
  r1 = *(s32 *)(r2 - 0x200)
  *(u8 *)(r2 + 0x3f) = w1
  *(u64 *)(r10 - 0x10) = r9
  *(u32 *)(r2 + 0x40) = 0x12345
  *(u64 *)(r2 + 0x0) = -0x1
  r1 += -0x21
  r1 s>>= 0x3f
  w1 &= 0xff00
  w1 s/= w2
  r1 *= 0x7fffffff
  r1 ^= -0x80000000`;

test('words_of_an_instruction_are_the_text_of_the_disassembler', (t) => {
  for (const op of plain(samples)) {
    const text = disassembleText(bytesOf([op]));
    t.is(wordsOf(op).join(''), text);
    t.deepEqual(operationsOf(textOf(wordsOf(op).map(idOf))), [op]);
  }
});

test('every_word_has_one_number', (t) => {
  t.is(new Set(words).size, words.length);
  t.is(idOf(words[17]!), 17);
  t.throws(() => idOf('jmp'), { instanceOf: RangeError });
});

const windowOf = (text: string, ...liveOut: number[]): Window => ({
  operations: plain(text),
  liveOut: liveOut.reduce((mask, r) => mask | (1 << r), 0),
});

const bytesJoined = windowOf(
  'w3 = *(u8 *)(r7 + 21)\n w2 = *(u8 *)(r7 + 20)\n w5 += 3\n r3 <<= 8\n r3 |= r2',
  3,
  5,
);

test('windows_that_differ_in_names_and_places_are_one_question', (t) => {
  const other = windowOf('w1 = *(u8 *)(r8 + 5)\n w0 = *(u8 *)(r8 + 4)\n w6 += 3\n r1 <<= 8\n r1 |= r0', 1, 6);
  t.deepEqual(questionOf(spell(bytesJoined).window), questionOf(spell(other).window));
  const spelling = spell(other);
  t.deepEqual(unspell(spelling, spelling.window.operations), [...other.operations]);
});

const answer = (text: string) => answerOf(plain(text)).slice(0, -1).map(idOf);

test('an_answer_counts_only_when_it_is_shorter_and_does_the_same', (t) => {
  const spelling = spell(bytesJoined);
  const read = (text: string) => readAnswer(bytesJoined, spelling, answer(text));
  const good = read('w3 += 3\n w0 = *(u16 *)(r1 + 0)');
  t.is(good.kind, 'shorter');
  if (good.kind === 'shorter')
    t.is(disassembleText(bytesOf(good.operations)), 'w5 += 0x3\nw3 = *(u16 *)(r7 + 0x14)\n');
  t.is(read('w3 += 3\n w0 = *(u16 *)(r1 + 1)').kind, 'wrong');
  t.is(read('w0 = *(u16 *)(r1 + 0)').kind, 'wrong');
  t.is(read('w3 += 3\n r1 = r1\n w0 = *(u16 *)(r1 + 0)').kind, 'wrong');
  t.is(read('w3 += 3\n w9 = w0\n w0 = *(u16 *)(r1 + 0)').kind, 'garbled');
  t.is(readAnswer(bytesJoined, spelling, [idOf(SAME)]).kind, 'same');
  t.is(readAnswer(bytesJoined, spelling, []).kind, 'wrong');
  t.is(readAnswer(bytesJoined, spelling, [idOf('r1'), idOf('r1'), 9999]).kind, 'garbled');
});

test('an_answer_whose_offset_has_no_place_in_an_instruction_is_garbled', (t) => {
  const window = windowOf('r2 = *(u64 *)(r1 + 30000)\n r2 += 1\n r2 = *(u64 *)(r1 + 30008)', 2);
  const unread = answer('r0 = *(u64 *)(r1 + 0x7000)\n r0 = *(u64 *)(r1 + 8)');
  t.is(readAnswer(window, spell(window), unread).kind, 'garbled');
});

test('what_only_random_runs_can_tell_apart_is_told_apart', (t) => {
  const window = windowOf('r0 = r1\n r0 <<= 32\n r0 s>>= 32', 0);
  t.true(windowsAgree(window, plain('r0 = (s32)r1'), 48));
  t.false(windowsAgree(window, plain('w0 = w1'), 48));
  t.false(windowsAgree(window, plain('r0 = (s16)r1'), 48));
});

const code = assemble(`
  r6 = *(u64 *)(r1 + 0)
  if r6 == 0 goto low
  r0 = r6
  r0 <<= 32
  r0 >>= 32
  if r0 == 7 goto low
  call 5
low:
  r0 = r6
  r0 <<= 32
  r0 >>= 32
  if r0 != 7 goto low
  exit`);

test('windows_end_at_calls_branches_and_places_that_jumps_lead_to', (t) => {
  t.deepEqual(
    windowsOf(code).map((w) => [w.start, w.operations.length, w.liveOut]),
    [
      [2, 3, 1],
      [7, 3, 1],
    ],
  );
});

test('a_window_replaced_keeps_the_jumps_to_it', (t) => {
  const made = splice(code, [{ start: 7, count: 3, operations: plain('w0 = w6'), gain: 2 }]);
  t.is(
    disassembleText(made, { labels: true }),
    disassembleText(
      assemble(
        'r6 = *(u64 *)(r1 + 0)\n if r6 == 0 goto low\n r0 = r6\n r0 <<= 32\n r0 >>= 32\n if r0 == 7 goto low\n call 5\n low: w0 = w6\n if r0 != 7 goto low\n exit',
      ),
      { labels: true },
    ),
  );
});

const collect = async (answers: (text: string) => number[]) => {
  const out = [];
  const ask = async (asked: readonly { tokens: readonly number[] }[]) =>
    asked.map((q) => answers(textOf(q.tokens)));
  for await (const one of rewritten(code, ask, { samples: 2, rounds: 4 })) out.push(one);
  return out;
};

test('a_model_that_knows_shortens_every_place_where_its_answer_fits', async (t) => {
  const made = await collect((text) => (text.includes('live r0') ? answer('w0 = w1') : []));
  t.is(made.length, 1);
  t.deepEqual(made[0]!.replacements.map((r) => r.start).sort(), [2, 7]);
});

test('a_model_that_rambles_changes_nothing', async (t) => {
  const rambling = Array.from({ length: 300 }, (_, i) => (i * 7) % words.length);
  t.deepEqual(await collect(() => rambling), []);
  t.deepEqual(await collect(() => [-1, 1e9]), []);
});

test('the_grammar_lets_only_registers_of_the_window_be_written', (t) => {
  const grammar = windowGrammar(spell(bytesJoined).window);
  t.true(grammar.includes('to ::= "r0" | "r2" | "r3"'));
  t.true(grammar.includes('line{1,4}'));
  t.false(grammar.includes('"r5"'));
});
