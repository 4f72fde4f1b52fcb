import test from 'ava';
import { MAP_FLAG_READ_ONLY } from '../../abi/index.ts';
import { assemble, decodeProgram, disassembleText, loadHost } from '../index.ts';
import { addressedBy } from '../instruction.ts';
import { proveEquivalent, stopSolver } from '../prover/index.ts';
import { applyRule, type Code, estimateProgram, lower, moves, optimise, rules } from './index.ts';
import { lookUp, ruleCases } from './test/rule-cases.ts';

test.after.always(() => stopSolver());

const lines = (code: Uint8Array | undefined) =>
  code ? disassembleText(code, { labels: true }).trim().split('\n') : undefined;

const normal = (text: string) => text.replace(/\b[rw](\d)\b/g, 'r$1');

const shape = { type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
const maps = [
  { ...shape, name: 'm' },
  { ...shape, name: 'c', flags: MAP_FLAG_READ_ONLY, init: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
];

/** Cases that read a frame or a map are programs of those hooks; the others work on a memory at r1. */
const settingOf = (name: string) => {
  if (name === 'bounds-merging' || name === 'pointer-advancing') return { hook: 'packet', maps } as const;
  if (name === 'constant-lookups' || name === 'constant-loads') return { hook: 'timer', maps } as const;
  return { hook: 'run', maps, memorySize: 64 } as const;
};

test('every_rule_and_move_has_a_case', (t) => {
  t.deepEqual([...rules, ...moves].map((r) => r.name).sort(), Object.keys(ruleCases).sort());
});

for (const [name, [before, after]] of Object.entries(ruleCases))
  test(`rule: ${name}`, async (t) => {
    const host = await loadHost();
    const setting = settingOf(name);
    const code = assemble(before);
    const options = { memorySize: 64 };
    const facts = (some: Code) => {
      const verdict = host.verify({ ...setting, code: lower(some) }, options);
      return verdict.ok ? verdict.facts.flags : undefined;
    };
    const made = applyRule(code, name, { maps, facts, objective: 'size' });
    t.truthy(made, 'the rule does not fit');
    if (after.length > 0) t.deepEqual(lines(made)!.map(normal), after.map(normal));
    if (name !== 'unreachable-code') t.true(host.verify({ ...setting, code: made! }, options).ok);
    const proof = await proveEquivalent(code, made!, setting);
    t.is(proof.verdict, 'proven', proof.reason);
  });

test('every_rule_leaves_alone_what_it_does_not_fit', (t) => {
  const plain = assemble('r0 = *(u64 *)(r1 + 0)\n exit');
  for (const rule of rules) t.is(applyRule(plain, rule.name), undefined, rule.name);
});

const sumOfBytes = `
  r0 = 0
  r2 = 0
again:
  r3 = r1
  r3 += r2
  r3 = *(u8 *)(r3 + 0)
  r0 += r3
  r2 += 1
  if r2 != 32 goto again
  exit`;

const turned = (between: string, behind = 'r0 = r2\n exit') =>
  `r2 = *(u16 *)(r1 + 0)\n r3 = r2\n r3 = bswap32 r3\n w3 s>>= 16\n ${between}\n r2 = bswap64 r2\n r2 s>>= 48\n ${behind}`;
const notInPlace: Record<string, string> = {
  upper_half_stored: turned('*(u64 *)(r1 + 8) = r3'),
  upper_half_read_later: turned('*(u32 *)(r1 + 8) = r3', 'r0 = r2\n r0 += r3\n exit'),
  used_as_an_address: turned('r4 = r1\n r4 += r3'),
  original_read_in_between: turned('*(u32 *)(r1 + 8) = r2'),
  jumped_to_in_between: turned('if r1 == 7 goto next\n *(u32 *)(r1 + 8) = r3\n next:'),
  another_shift: turned('*(u32 *)(r1 + 8) = r3').replace('48', '47'),
  unsigned_shift: turned('*(u32 *)(r1 + 8) = r3').replace('s>>= 48', '>>= 48'),
};
for (const [name, text] of Object.entries(notInPlace))
  test(`not computed in place: ${name}`, (t) => {
    t.is(applyRule(assemble(text), 'computing-in-place'), undefined);
  });

test('what is computed from a copy and from the original alike is computed once', async (t) => {
  const before = assemble(
    'r2 = *(u64 *)(r1 + 0)\n r3 = r2\n r3 ^= 7\n r3 = -r3\n *(u64 *)(r1 + 8) = r3\n r2 ^= 7\n r2 = -r2\n r2 += 1\n r0 = r2\n exit',
  );
  const after = applyRule(before, 'computing-in-place')!;
  t.is(after.length, before.length - 16);
  const proof = await proveEquivalent(before, after, { hook: 'run', maps: [], memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
});

const jumpedTo =
  'r0 = 0\n r2 = 0\n again:\n w4 = *(u8 *)(r1 + 40)\n if w4 == 3 goto there\n r0 += 1\n there:\n r3 = r1\n r3 += r2\n r4 = *(u8 *)(r3 + 0)\n r0 += r4\n r2 += 1\n if r2 != 8 goto again\n exit';

test('an address that is jumped to moves along with its loop, and one in whose middle is jumped stays', async (t) => {
  const before = assemble(jumpedTo);
  const after = applyRule(before, 'pointer-induction')!;
  const proof = await proveEquivalent(before, after, { hook: 'run', maps: [], memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
  const inside = 'again:\n r3 = 5\n if r4 == 3 goto there\n r3 = r1\n there:\n r3 += r2';
  t.is(
    applyRule(
      assemble(`r4 = 3\n r2 = 0\n ${inside}\n r2 += 1\n if r2 != 8 goto again\n r0 = r3\n exit`),
      'pointer-induction',
    ),
    undefined,
  );
});

const extended = (use: string, behind = 'r0 = r5\n exit') =>
  `r2 = *(u16 *)(r1 + 0)\n ${use}\n r5 = (s16)r2\n ${behind}`;
const signShown: Record<string, string> = {
  compared: extended('if r2 == 7 goto +0'),
  added_to: extended('r3 = r2\n r3 += 1\n *(u16 *)(r1 + 8) = r3'),
  stored_whole: extended('*(u32 *)(r1 + 8) = r2'),
  stored_through: extended('r1 += r2'),
  returned: extended('*(u16 *)(r1 + 8) = r2', 'r0 = r2\n exit'),
  extended_from_more: extended('r4 = (s32)r2\n *(u64 *)(r1 + 8) = r4'),
  another_size: extended('*(u16 *)(r1 + 8) = r2').replace('(u16 *)(r1 + 0)', '(u8 *)(r1 + 0)'),
  one_of_two_ways: extended('if r1 == 7 goto there\n r2 = *(u32 *)(r1 + 4)\n there:'),
};
for (const [name, text] of Object.entries(signShown))
  test(`no sign is loaded where it shows: ${name}`, (t) => {
    t.is(applyRule(assemble(text), 'sign-keeping'), undefined);
  });

test('a sign is loaded for turns of a loop that take it from the one before', async (t) => {
  const before = assemble(
    'r2 = *(u16 *)(r1 + 0)\n r3 = 0\n r0 = 0\n again:\n w4 = (s16)w2\n w0 += w4\n r5 = r1\n r5 += r3\n r2 = *(u16 *)(r5 + 2)\n r3 += 2\n if r3 != 8 goto again\n exit',
  );
  const after = applyRule(before, 'sign-keeping')!;
  const text = disassembleText(after, { labels: true });
  t.false(/\(s16\)/.test(text) || /u16/.test(text), text);
  const proof = await proveEquivalent(before, after, { hook: 'run', maps: [], memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
});

const beside = (...instructions: string[]) => [...instructions, 'r0 = 0', 'exit'].join('\n');
const notAdded: Record<string, string> = {
  another_place: beside('r3 = *(u64 *)(r1 + 8)', 'r3 += 1', '*(u64 *)(r1 + 16) = r3'),
  another_size: beside('r3 = *(u64 *)(r1 + 8)', 'r3 += 1', '*(u32 *)(r1 + 8) = r3'),
  twice_itself: beside('r3 = *(u64 *)(r1 + 8)', 'r3 += r3', '*(u64 *)(r1 + 8) = r3'),
  half_of_a_word: beside('r3 = *(u64 *)(r1 + 8)', 'w3 += 1', '*(u64 *)(r1 + 8) = r3'),
  a_sum_that_is_read: 'r3 = *(u64 *)(r1 + 8)\n r3 += 1\n *(u64 *)(r1 + 8) = r3\n r0 = r3\n exit',
  a_store_in_between: beside(
    'r3 = *(u64 *)(r1 + 8)',
    '*(u64 *)(r1 + 8) = 0',
    'r3 += 1',
    '*(u64 *)(r1 + 8) = r3',
  ),
  a_changed_addend: beside(
    'r4 = *(u64 *)(r1 + 0)',
    'r3 = *(u64 *)(r1 + 8)',
    'r3 += r4',
    'r4 = 2',
    '*(u64 *)(r1 + 8) = r3',
  ),
};

for (const [name, code] of Object.entries(notAdded))
  test(`no atomic addition: ${name}`, (t) => {
    t.is(applyRule(assemble(code), 'atomic-additions', { maps: [], objective: 'size' }), undefined);
  });

test('speed_alone_is_no_reason_to_add_atomically', (t) => {
  const code = assemble('r3 = *(u64 *)(r1 + 8)\n r3 += 1\n *(u64 *)(r1 + 8) = r3\n r0 = 0\n exit');
  t.is(applyRule(code, 'atomic-additions', { maps: [] }), undefined);
});

test('no_sum_is_stepped_to_from_what_would_not_be_needed_otherwise', (t) => {
  const code = assemble('r2 = r1\n r2 += 4\n r2 = r1\n r2 += 8\n r0 = *(u8 *)(r2 + 0)\n exit');
  t.is(applyRule(code, 'sum-stepping'), undefined);
});

const staysPut: Record<string, readonly [rule: string, code: string]> = {
  a_value_that_is_written_before_it_is_read_again: [
    'load-keeping',
    `${lookUp} r6 = r0\n r1 = *(u16 *)(r6 + 4)\n *(u16 *)(r6 + 4) = 7\n *(u64 *)(r10 - 16) = r1\n${lookUp} r0 = *(u16 *)(r6 + 4)\n out:\n exit`,
  ],
  a_value_that_a_call_may_change: [
    'load-keeping',
    `${lookUp} r6 = r0\n r1 = *(u16 *)(r6 + 4)\n *(u64 *)(r10 - 16) = r1\n r1 = map 0 ll\n r2 = r10\n r2 += -8\n r3 = r2\n r3 += -8\n r4 = 0\n call map_update_elem\n r0 = *(u16 *)(r6 + 4)\n out:\n exit`,
  ],
  a_pointer_that_is_read_twice: [
    'early-loading',
    `${lookUp} r6 = r0\n${lookUp} r0 = *(u16 *)(r6 + 4)\n r1 = *(u16 *)(r6 + 6)\n r0 += r1\n out:\n exit`,
  ],
  a_pointer_that_is_compared_later: [
    'pointer-advancing',
    'r2 = r1\n r2 += 8\n r0 = *(u8 *)(r2 + 0)\n if r2 == r1 goto out\n r0 += 1\n out:\n exit',
  ],
  a_pointer_that_another_way_leads_to: [
    'pointer-advancing',
    'r3 = *(u8 *)(r1 + 0)\n if r3 == 0 goto out\n r2 = r1\n r2 += 8\n r4 = r2\n r4 &= 7\n *(u8 *)(r1 + 1) = r4\n out:\n r0 = *(u8 *)(r1 + 0)\n exit',
  ],
  tests_that_lead_to_different_places: [
    'test-joining',
    'r0 = 1\n r2 = *(u8 *)(r1 + 1)\n if r2 != 5 goto a\n r2 = *(u8 *)(r1 + 0)\n if r2 != 255 goto b\n a:\n r0 = 2\n b:\n exit',
  ],
  what_the_other_way_still_needs: [
    'hoisting',
    'r2 = *(u8 *)(r1 + 0)\n r0 = 7\n if r2 == 0 goto a\n exit\n a:\n r0 = 2\n exit',
  ],
  what_both_ways_need: [
    'sinking',
    'r2 = *(u8 *)(r1 + 0)\n r0 = *(u8 *)(r1 + 1)\n if r2 == 0 goto a\n r0 += 1\n exit\n a:\n r0 += 2\n exit',
  ],
  what_another_jump_leads_to: [
    'sinking',
    'r2 = *(u8 *)(r1 + 0)\n r0 = 1\n if r2 == 1 goto a\n r3 = *(u8 *)(r1 + 1)\n if r2 == 0 goto a\n exit\n a:\n r3 = r2\n r0 += r3\n exit',
  ],
  what_changes_what_a_sunk_load_reads: [
    'sinking',
    'r2 = *(u8 *)(r1 + 0)\n r0 = *(u8 *)(r1 + 1)\n *(u8 *)(r1 + 1) = r2\n if r2 == 0 goto a\n exit\n a:\n r0 = 2\n exit',
  ],
  a_stretch_with_nothing_to_tell_the_times_apart: [
    'stretch-repeating',
    `${lookUp.replace('==', '!=')} exit\n out:\n r2 = r10\n r2 += -8\n r1 = map 0 ll\n call map_delete_elem\n exit`,
  ],
  a_stretch_of_which_something_in_between_needs_more: [
    'stretch-repeating',
    `r0 = 1\n *(u32 *)(r10 - 8) = 0\n r2 = r10\n r2 += -8\n r1 = map 0 ll\n call map_lookup_elem\n if r0 == 0 goto out\n exit\n out:\n r3 = r2\n r2 = r10\n r2 += r3\n r2 += -8\n r0 = r2\n exit`,
  ],
  a_constant_that_is_read_twice: [
    'constant-absorbing',
    'r2 = 4\n r3 = r1\n r3 += r2\n r3 += 6\n r0 = *(u8 *)(r3 + 0)\n r0 += r2\n exit',
  ],
};

for (const [name, [rule, code]] of Object.entries(staysPut))
  test(`${rule} leaves alone: ${name}`, (t) => {
    t.is(applyRule(assemble(code), rule), undefined);
  });

test('a_stretch_is_repeated_by_a_constant_in_a_register_that_nobody_needs', async (t) => {
  const code = assemble(
    `r6 = r1\n ${lookUp} r0 = 2\n exit\n out:\n r2 = r10\n r2 += -8\n r1 = map 0 ll\n call map_delete_elem\n exit`,
  );
  const made = applyRule(code, 'stretch-repeating')!;
  t.deepEqual(lines(made)!.slice(2, 4), ['r0 = 0x1', 'L3:']);
  const proof = await proveEquivalent(code, made, { hook: 'run', maps, memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
});

test('copies_beside_another_store_are_renewed_without_it', async (t) => {
  const code = assemble(`
    r2 = *(u16 *)(r1 + 0)
    *(u16 *)(r1 + 16) = r2
    r2 = *(u16 *)(r1 + 2)
    *(u16 *)(r1 + 18) = r2
    r2 = *(u16 *)(r1 + 8)
    *(u16 *)(r1 + 24) = r2
    *(u16 *)(r1 + 8) = 7
    r0 = 0
    exit`);
  const made = applyRule(code, 'copy-renewing')!;
  t.is(made.length / 8, 7);
  const proof = await proveEquivalent(code, made, { hook: 'run', maps: [], memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
});

test('a_field_of_the_context_is_not_loaded_in_parts', async (t) => {
  const host = await loadHost();
  const code = assemble('r2 = *(u64 *)(r1 + 0)\n r0 = r2\n w0 >>= 24\n exit');
  const facts = (some: Code) => {
    const verdict = host.verify({ hook: 'timer', code: lower(some) });
    return verdict.ok ? verdict.facts.flags : undefined;
  };
  t.is(applyRule(code, 'narrow-loads', { maps: [], facts }), undefined);
  t.truthy(applyRule(code, 'narrow-loads'));
});

test('a_result_gets_r0_although_another_value_lives_there', async (t) => {
  const code = assemble(`
    r0 = r1
    r2 = *(u8 *)(r0 + 0)
    r3 = *(u8 *)(r0 + 1)
    r2 += r3
    *(u8 *)(r0 + 2) = r2
    r0 = r2
    exit`);
  const made = applyRule(code, 'copy-coalescing')!;
  t.deepEqual(lines(made)!.at(-2), '*(u8 *)(r1 + 0x2) = w0');
  const proof = await proveEquivalent(code, made, { hook: 'run', maps: [], memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
});

test('copies_joined_at_once_do_not_take_each_others_pointers', async (t) => {
  const code = assemble(`
    r0 = r1
    r0 += 8
    r3 = *(u8 *)(r0 + 0)
    r4 = *(u32 *)(r1 + 16)
    *(u32 *)(r1 + 32) = r4
    r4 = *(u32 *)(r1 + 20)
    *(u32 *)(r1 + 36) = r4
    r4 = *(u16 *)(r0 + 0)
    *(u16 *)(r1 + 40) = r4
    r4 = *(u16 *)(r0 + 2)
    *(u16 *)(r1 + 42) = r4
    r0 = r3
    exit`);
  const made = applyRule(code, 'store-combining')!;
  t.true(made.length <= code.length);
  const proof = await proveEquivalent(code, made, { hook: 'run', maps: [], memorySize: 64 });
  t.is(proof.verdict, 'proven', proof.reason);
});

test('a_counted_loop_is_unrolled_and_its_addresses_fold', async (t) => {
  const code = assemble(sumOfBytes);
  const [best] = optimise(code);
  t.true(best!.rules.includes('loop-unrolling'));
  const host = await loadHost();
  const memory = Uint8Array.from({ length: 64 }, (_, i) => i * 7);
  const [a, b] = [code, best!.code].map((c) => host.run({ code: c, hook: 'run' }, { memory }));
  t.true(a!.ok && b!.ok && a!.r0 === b!.r0);
  t.true(a!.steps >= 1.3 * b!.steps, `${a!.steps} against ${b!.steps}`);
  t.true(host.verify({ code: best!.code, hook: 'run' }, { memorySize: 64 }).ok);
});

test('every_candidate_is_proven_equivalent', async (t) => {
  const code = assemble(sumOfBytes);
  const candidates = optimise(code);
  t.true(candidates.length >= 4);
  for (const c of candidates) {
    const proof = await proveEquivalent(code, c.code, { hook: 'run', maps: [], memorySize: 64 });
    t.is(proof.verdict, 'proven', `${c.rules}: ${proof.reason}`);
    t.true(c.estimate <= estimateProgram(code));
  }
});

/** A loop of Linux, which calls a function by its address; one thing before it is needless. */
const turning = (inside: string, between = '') => {
  const rest = `call 181\n r0 = 0\n exit\n ${between}`;
  const slots = assemble(`${inside}${rest} exit`).length / 8 - 1;
  return assemble(
    `r1 = 10\n r2 = function ${slots + 3} ll\n r3 = 0\n r4 = 0\n ${inside}${rest}r0 = 1\n exit`,
  );
};
const movesFunctions: Readonly<Record<string, Uint8Array>> = {
  'dead-code': turning('r6 = 3\n'),
  'unreachable-code': turning('', 'r0 = 0\n exit\n'),
  'jump-threading': turning('goto +0\n'),
};
for (const [rule, before] of Object.entries(movesFunctions))
  test(`a function whose address is loaded moves with the code: ${rule}`, async (t) => {
    const after = applyRule(before, rule)!;
    t.true(after.length < before.length);
    const verdict = (await loadHost()).verify({ code: after, type: 'tracepoint' });
    t.true(verdict.ok, verdict.ok ? '' : verdict.error.message);
    for (const code of [before, after]) {
      const instructions = decodeProgram(code);
      const [entry] = instructions.flatMap((i) => addressedBy(i, i.slot) ?? []);
      t.like(
        instructions.find(({ slot }) => slot === entry),
        { op: 'mov', src: { imm: 1 } },
      );
    }
  });

test('what_does_not_fit_the_limit_is_not_proposed', (t) => {
  const code = assemble(sumOfBytes);
  for (const c of optimise(code, { maxSlots: 40 })) t.true(c.code.length / 8 <= 40);
});

test('a_program_that_is_none_is_refused_with_a_sentence', (t) => {
  t.throws(() => optimise(new Uint8Array(8).fill(0xff)), { message: /slot 0 holds no instruction/ });
  t.throws(() => optimise(assemble('goto +100\n exit')), { message: /jump at slot 0/ });
});
