import test from 'ava';
import { hooks } from '../../abi/index.ts';
import { assemble, disassembleText, loadHost } from '../index.ts';
import { proveEquivalent, stopSolver } from '../prover/index.ts';
import { applyRule, estimateProgram } from './index.ts';

test.after.always(() => stopSolver());

const map = { name: 'm', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
const setting = { hook: 'run', hookId: hooks.run.id, maps: [map], memorySize: 64 } as const;

/** Calls of f and what follows; functions, each with its label. */
const program = (main: string, ...functions: readonly string[]): string => [main, ...functions].join('\n');

const addsByte = 'f:\n r0 = *(u8 *)(r1 + 0)\n r0 += r2\n exit';
const four = 'r6 = *(u8 *)(r1 + 0)\n r7 = *(u8 *)(r1 + 1)\n r8 = *(u8 *)(r1 + 2)\n r9 = *(u8 *)(r1 + 3)\n';
const sumOfFour = 'r0 += r6\n r0 += r7\n r0 += r8\n r0 += r9\n exit';

/** Each becomes a program without calls that does the same and has a certificate. */
const cases: Readonly<Record<string, string>> = {
  called_twice: program('r6 = r1\n call local f\n r1 = r6\n r2 = r0\n call local f\n exit', addsByte),
  nested: program(
    'r6 = r1\n call local g\n r2 = r0\n r1 = r6\n call local f\n exit',
    'g:\n r6 = r1\n r2 = 5\n call local f\n r1 = r6\n r2 = r0\n call local f\n exit',
    addsByte,
  ),
  more_registers_kept_than_there_are: program(
    `${four} r1 = 3\n call local f\n ${sumOfFour}`,
    'f:\n r6 = r1\n r7 = r6\n r7 += 1\n r8 = r7\n r8 *= r6\n call get_smp_processor_id\n r0 += r6\n r0 += r7\n r0 += r8\n exit',
  ),
  an_array_in_each_frame: program(
    'r6 = *(u8 *)(r1 + 0)\n *(u32 *)(r10 - 4) = r6\n r2 = *(u8 *)(r1 + 1)\n r1 = r10\n r1 += -4\n call local f\n w1 = *(u32 *)(r10 - 4)\n r0 += r1\n exit',
    'f:\n *(u32 *)(r10 - 8) = 5\n w3 = *(u32 *)(r1 + 0)\n *(u32 *)(r10 - 4) = r3\n *(u32 *)(r1 + 0) = 9\n r2 &= 1\n r2 <<= 2\n r2 += r10\n w0 = *(u32 *)(r2 - 8)\n exit',
  ),
  a_map_and_a_helper_that_is_given_its_frame: program(
    'r6 = *(u8 *)(r1 + 0)\n *(u64 *)(r10 - 16) = r6\n r2 = r6\n call local f\n r1 = *(u64 *)(r10 - 16)\n r0 += r1\n exit',
    'f:\n *(u32 *)(r10 - 4) = 0\n r6 = r2\n r1 = map 0 ll\n r2 = r10\n r2 += -4\n call map_lookup_elem\n if r0 != 0 goto found\n exit\n found:\n lock *(u64 *)(r0 + 0) += r6\n r0 = 1\n exit',
  ),
  a_loop_around_a_call_and_one_in_it: program(
    'r6 = r1\n r7 = 0\n r8 = 0\n again:\n r1 = r6\n r2 = r7\n call local f\n r8 += r0\n r7 += 1\n if r7 != 4 goto again\n r0 = r8\n exit',
    'f:\n r0 = 0\n r3 = 0\n turn:\n r4 = r1\n r4 += r3\n r4 = *(u8 *)(r4 + 0)\n r0 += r4\n r3 += 1\n if r3 != 3 goto turn\n r0 *= r2\n exit',
  ),
  a_function_that_ends_with_a_jump_back: program(
    'call local f\n exit',
    'f:\n r0 = 0\n goto turn\n out:\n exit\n turn:\n r0 += 3\n if r0 < 9 goto turn\n gotol out',
  ),
  a_function_before_the_one_that_calls_it: program(
    'call local g\n exit',
    addsByte,
    'g:\n r2 = 1\n call local f\n exit',
  ),
  nothing_but_the_end: program('r6 = r1\n call local f\n r0 = *(u8 *)(r6 + 0)\n exit', 'f:\n r0 = 0\n exit'),
};

for (const [name, text] of Object.entries(cases))
  test(`inlined: ${name}`, async (t) => {
    const host = await loadHost();
    const before = assemble(text);
    const accepted = host.verify({ ...setting, code: before }, setting);
    t.true(accepted.ok && accepted.certificate.length === 0, accepted.ok ? '' : accepted.error.message);
    const after = applyRule(before, 'inlining', setting)!;
    t.false(/call local/.test(disassembleText(after)));
    const verdict = host.verify({ ...setting, code: after }, setting);
    t.true(
      verdict.ok && verdict.certificate.length > 0,
      verdict.ok ? 'no certificate' : verdict.error.message,
    );
    t.true(estimateProgram(after) < estimateProgram(before));
    const proof = await proveEquivalent(before, after, setting);
    t.is(proof.verdict, 'proven', proof.reason);
  });

const long = Array.from({ length: 60 }, (_, i) => `r0 += ${i}`).join('\n');
const wide = (name: string, at: number) => `${name}:\n *(u64 *)(r10 - ${at}) = 0\n r0 = 0\n exit`;

const leftAlone: Readonly<Record<string, string>> = {
  a_function_that_calls_itself: program(
    'call local f\n exit',
    'f:\n r0 = r1\n if r1 == 0 goto out\n r1 += -1\n call local f\n out:\n exit',
  ),
  two_that_call_each_other: program(
    'call local f\n exit',
    'f:\n call local g\n exit',
    'g:\n call local f\n exit',
  ),
  a_program_that_calls_itself: 'main:\n call local main\n exit',
  a_call_into_the_middle: program('call local f\n call local g\n exit', 'f:\n r0 = r1\n g:\n r0 = r2\n exit'),
  a_jump_over_the_end: program(
    'call local f\n if r0 == 0 goto in\n exit',
    'f:\n r0 = r1\n in:\n r0 += 1\n exit',
  ),
  a_function_that_runs_into_the_next: program(
    'call local f\n call local g\n exit',
    'f:\n r0 = 1\n g:\n r0 = 2\n exit',
  ),
  a_function_whose_address_is_taken: program('r1 = function 3 ll\n call local f\n exit', addsByte),
  a_call_of_what_a_register_holds: program('call local f\n callx r1\n exit', addsByte),
  a_load_that_may_end_its_function: program(
    'r6 = r1\n call local f\n exit',
    'f:\n r6 = r1\n r0 = *(u8 *)skb[4]\n exit',
  ),
  frames_that_are_too_large_together: program('*(u64 *)(r10 - 8) = 0\n call local f\n exit', wide('f', 512)),
  registers_that_are_too_many_for_the_frame: program(
    `${four} call local f\n ${sumOfFour}`,
    'f:\n *(u64 *)(r10 - 512) = 0\n r6 = 0\n r0 = r6\n exit',
  ),
  a_frame_whose_place_is_asked_for: program(
    '*(u64 *)(r10 - 8) = 0\n call local f\n exit',
    'f:\n r0 = r1\n r0 -= r10\n exit',
  ),
};

for (const [name, text] of Object.entries(leftAlone))
  test(`not inlined: ${name}`, (t) => {
    t.is(applyRule(assemble(text), 'inlining', setting), undefined);
  });

const calls = (code: Uint8Array) => disassembleText(code).match(/call local/g)?.length ?? 0;

test('what_is_called_from_many_places_is_inlined_only_where_the_program_grows_little', (t) => {
  const many = (count: number) =>
    assemble(
      program(
        `${'call local f\n'.repeat(count)} call local g\n exit`,
        `f:\n r0 = r1\n ${long}\n exit`,
        'g:\n r0 = 1\n exit',
      ),
    );
  t.is(calls(applyRule(many(3), 'inlining', setting)!), 0);
  const large = many(12);
  const made = applyRule(large, 'inlining', setting)!;
  t.is(calls(made), 12);
  t.true(made.length < large.length);
  t.is(applyRule(many(3), 'inlining', { ...setting, maxSlots: 100 })!.length, many(3).length - 16);
});
