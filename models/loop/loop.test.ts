import test from 'ava';
import { hooks } from '../../abi/index.ts';
import {
  assemble,
  comparePrograms,
  disassembleText,
  loadHost,
  type ModuleProgram,
} from '../../ebpf/index.ts';
import {
  lanesOf,
  loopAnswerOf,
  loopIdOf,
  loopQuestionOf,
  loopTextOf,
  loopWindowsOf,
  loopWords,
  programOfAnswer,
  spellLoop,
} from './index.ts';

const MEMORY = 64;
const programOf = (text: string): ModuleProgram => ({
  name: 'loop',
  section: 'run',
  hook: 'run',
  hookId: hooks.run.id,
  code: assemble(text),
  maps: [],
});

/** Counts 42 in 21 bytes from the third on. */
const counting = programOf(`
  r0 = 0
  w7 = 21
again:
  w3 = *(u8 *)(r1 + 3)
  r1 += 1
  if w3 != 42 goto next
  w0 += 1
next:
  w7 += -1
  if w7 != 0 goto again
  exit`);

const question = `<s>element 1
turn
w0 = *(u8 *)(r1 + 0x0)
if w0 != 0x2a
goto L1
w2 += 0x1
L1:
live r2
=>
`;

const right = `r3 = 0x101010101010101 ll
r4 = 0x7f7f7f7f7f7f7f7f ll
r5 = r3
r5 *= 0x2a
turn
r6 = *(u64 *)(r1 + 0x0)
r6 ^= r5
r7 = r6
r7 &= r4
r7 += r4
r6 |= r7
r6 ^= -0x1
r6 >>= 0x7
r6 &= r3
r6 *= r3
r6 >>= 0x38
w2 += w6
after
`;

const asked = (program: ModuleProgram) => {
  const [window] = loopWindowsOf(program.code);
  return { window: window!, spelling: spellLoop(window!) };
};

const byLength = [...loopWords].sort((a, b) => b.length - a.length);

/** The longest words first, as they come. */
const tokensOf = (text: string): number[] => {
  const tokens: number[] = [];
  for (let rest = text; rest !== ''; ) {
    const word = byLength.find((w) => rest.startsWith(w))!;
    tokens.push(loopIdOf(word));
    rest = rest.slice(word.length);
  }
  return tokens;
};

test('every_word_has_one_number', (t) => {
  t.is(new Set(loopWords).size, loopWords.length);
  t.throws(() => loopIdOf('jmp'), { instanceOf: RangeError });
});

test('what_counts_and_ends_a_loop_is_not_asked_about', (t) => {
  const { window, spelling } = asked(counting);
  t.is(window.turns, 21);
  t.is(window.size, 1);
  t.is(loopQuestionOf(spelling.turn, window.size).join(''), question);
});

test('an_answer_does_eight_elements_a_turn_and_the_old_loop_the_rest', async (t) => {
  const { window, spelling } = asked(counting);
  const tokens = tokensOf(right);
  t.is(loopTextOf(tokens), right);
  t.is(loopAnswerOf(lanesOf(right)).join(''), `${right}</s>`);
  const code = programOfAnswer(window, spelling, tokens)!;
  const host = await loadHost();
  const made = { ...counting, code };
  const size = { memorySize: MEMORY };
  t.true(host.verify(made, size).ok);
  const compared = comparePrograms(host, counting, made, { runs: 200, ...size });
  t.true(compared.same);
  t.true(compared.stepsAfter < compared.stepsBefore);
  t.regex(disassembleText(code), /w7 \+= -0x8\nif w7 != 0x5 goto/);
});

const refused: Record<string, string> = {
  nothing: '',
  no_turn: 'r3 = 0x1\nafter\n',
  an_empty_turn: 'turn\nafter\n',
  a_register_that_is_not_to_be_had: right.replaceAll('r7', 'r9'),
  half_a_line: right.replace('w2 += w6\n', 'w2 += '),
  a_branch: right.replace('after\n', 'if r2 != 0x5\ngoto L1\nafter\n'),
  two_turns: right.replace('after\n', 'turn\nafter\n'),
  words_in_any_order: right
    .split(/(?<=\n)/)
    .reverse()
    .join(''),
};
for (const [name, text] of Object.entries(refused))
  test(`no_program_is_made_of: ${name}`, (t) => {
    const { window, spelling } = asked(counting);
    t.is(programOfAnswer(window, spelling, tokensOf(text)), undefined);
  });

const others: Record<string, string> = {
  a_call_in_its_turn: 'r0 = 0\n r6 = 9\n again:\n call 5\n r6 += -1\n if r6 != 0 goto again\n exit',
  a_count_that_is_used:
    'r0 = 0\n r2 = 0\n again:\n r3 = r1\n w3 = *(u8 *)(r1 + 0)\n r3 += r2\n r0 += r3\n r1 += 1\n r2 += 1\n if r2 != 16 goto again\n exit',
  elements_that_are_not_side_by_side:
    'r0 = 0\n r2 = 0\n again:\n w3 = *(u8 *)(r1 + 0)\n r0 += r3\n r1 += 3\n r2 += 1\n if r2 != 16 goto again\n exit',
  too_few_turns:
    'r0 = 0\n r2 = 0\n again:\n w3 = *(u8 *)(r1 + 0)\n r0 += r3\n r1 += 1\n r2 += 1\n if r2 != 5 goto again\n exit',
  an_unknown_number_of_turns:
    'r0 = 0\n w2 = *(u8 *)(r1 + 0)\n w2 &= 15\n w2 += 9\n again:\n w3 = *(u8 *)(r1 + 0)\n r0 += r3\n r1 += 1\n w2 += -1\n if w2 != 0 goto again\n exit',
};
for (const [name, text] of Object.entries(others))
  test(`no_question_is_asked_about: ${name}`, (t) => {
    t.deepEqual(loopWindowsOf(assemble(text)), []);
  });
