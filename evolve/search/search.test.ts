import test from 'ava';
import { hooks } from '../../abi/index.ts';
import { assemble, assembleOperations, type ModuleProgram } from '../../ebpf/index.ts';
import { lift, lower, tidied } from '../../ebpf/optimiser/index.ts';
import { stopSolver } from '../../ebpf/prover/index.ts';
import type { PlainOperation } from '../../models/index.ts';
import { judge } from '../judge.ts';
import { shorter } from './enumerate.ts';
import { searchProposer } from './index.ts';
import { reordered } from './order.ts';

test.after.always(() => stopSolver());

const table = { name: 't', type: 2, keySize: 4, valueSize: 32, maxEntries: 1, flags: 0 };
/** A program with a window over r6 and r7, two words of a map, that leaves its result in r0. */
const around = (window: string): ModuleProgram => ({
  name: 'window',
  section: 'timer',
  hook: 'timer',
  hookId: hooks.timer.id,
  maps: [table],
  code: assemble(`
    *(u32 *)(r10 - 4) = 0
    r1 = map 0 ll
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto none
    r6 = *(u64 *)(r0 + 0)
    r7 = *(u64 *)(r0 + 8)
    ${window}
  none:
    exit`),
});

const first = async (program: ModuleProgram) => {
  for await (const proposal of searchProposer().propose({
    program,
    refused: [],
    detection: undefined as never,
  }))
    return proposal;
  return undefined;
};

const shortened: Record<string, string> = {
  a_mask_by_two_shifts: 'r6 <<= 48\n r6 >>= 48\n r0 = r6',
  a_sum_by_way_of_another_register: 'r8 = r6\n r8 += r7\n r7 = r8\n r0 = r7\n r0 ^= r8',
  a_negation_by_complement: 'r6 ^= -1\n r6 += 1\n r0 = r6\n r0 += r7',
  a_difference_that_cancels: 'r6 += r7\n r6 -= r7\n r0 = r6',
};

for (const [name, window] of Object.entries(shortened))
  test.serial(`search shortens, and what it finds is proven: ${name}`, async (t) => {
    const program = around(window);
    const proposal = await first(program);
    t.truthy(proposal);
    t.true(proposal!.code.length < program.code.length);
    const judgement = await judge(program, proposal!, { objective: 'size', mustBeCheaper: false });
    t.is(judgement.verdict, 'accepted', judgement.reason);
    t.is(judgement.assurance, 1);
  });

const hidden = `
  r8 = r6
  r8 += 24
  r7 += r6
  r8 ^= r7
  r0 = r8`;

test.serial(
  'search tries other orders, from which rules get further, and what it finds is proven',
  async (t) => {
    const given = around(hidden);
    const program = { ...given, code: lower(tidied(lift(given.code), { maps: [table] })) };
    const made = await reordered(program, 60_000);
    t.truthy(made);
    t.true(made!.length < program.code.length);
    const judgement = await judge(
      program,
      { code: made!, proposer: 'search', note: '' },
      { objective: 'size' },
    );
    t.is(judgement.verdict, 'accepted', judgement.reason);
    t.is(judgement.assurance, 1);
    t.deepEqual(await reordered(program, 60_000), made);
  },
);

const needless: Record<string, readonly [window: string, left: number]> = {
  a_branch_that_is_never_taken: ['w6 &= 15\n if w6 > 15 goto none\n r0 = r6\n r0 += r7', 14],
  a_branch_that_is_always_taken: ['w6 &= 15\n if w6 < 16 goto +1\n r7 = 1\n r0 = r6\n r0 += r7', 14],
  a_choice_that_a_limit_makes_equal: [
    'r0 = r6\n w0 &= 3\n w7 &= 63\n w7 += 8\n if w0 != 2 goto +1\n w7 += 1\n if w7 < 8 goto +1\n r7 = 7\n r0 += r7',
    12,
  ],
};

for (const [name, [window, most]] of Object.entries(needless))
  test.serial(`search leaves out what nobody needs, proven: ${name}`, async (t) => {
    const program = around(window);
    const proposal = await first(program);
    t.regex(proposal!.note, /left out/);
    t.true(proposal!.code.length / 8 <= most, `${proposal!.code.length / 8}`);
    const judgement = await judge(program, proposal!, { objective: 'size', mustBeCheaper: false });
    t.is(judgement.verdict, 'accepted', judgement.reason);
  });

test('what_agrees_on_few_inputs_only_is_not_taken: a_sum_of_words_that_rarely_carries', (t) => {
  const window = (source: string) => assembleOperations(source) as PlainOperation[];
  const operations = window('w0 >>= 4\n w0 += w1\n r1 = r0');
  const made = shorter({ operations, liveOut: 0b10, narrow: 0b11 }, () => false);
  t.deepEqual(made, window('w0 >>= 4\n w1 += w0'), 'and both of one width, which A64 does at once');
});

test.serial('nothing is proposed where nothing shorter is found', async (t) => {
  t.is(await first(around('r6 *= 7\n r6 ^= r7\n r0 = r6')), undefined);
});
