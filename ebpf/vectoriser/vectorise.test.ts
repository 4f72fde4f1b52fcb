import { fileURLToPath } from 'node:url';
import test from 'ava';
import {
  assemble,
  comparePrograms,
  compileModule,
  loadHost,
  loadObject,
  type ModuleProgram,
} from '../index.ts';
import { proveEquivalent, stopSolver } from '../prover/index.ts';
import { vectorise } from './index.ts';

test.after.always(() => stopSolver());

const programs = (async () => {
  const path = fileURLToPath(new URL('./testdata/loops.c', import.meta.url));
  const out: Record<string, ModuleProgram> = {};
  for (const cpu of ['v2', 'v4'] as const)
    for (const p of loadObject(await compileModule(path, { cpu }), { name: 'loops' }).programs)
      out[`${p.name}/${cpu}`] = p;
  return out;
})();

const lifted: Record<string, readonly string[]> = {
  sum_u8: ['vl_sum_u8'],
  sum_u16: ['vl_sum_u16'],
  sum_i32: ['vl_sum_i32'],
  sum_u32: ['vl_sum_u16', 'vl_sum_i32'],
  sum_u32_on: ['vl_sum_u16', 'vl_sum_i32'],
  min_i16: ['vl_min_i32', 'vl_min_i32'],
  max_i16: ['vl_max_i32', 'vl_max_i32'],
  sum_by_2: ['vl_sum_u16'],
  sum_by_4: ['vl_sum_u8'],
  sum_by_8: ['vl_sum_u8'],
  dot_i16: ['vl_dot_i16'],
  dot_i8: ['vl_dot_i8'],
  dot_by_4: ['vl_dot_i16'],
  dot_rows: ['vl_dot_i8'],
  filter: ['vl_dot_i16'],
  dot_line: ['vl_dot_i16'],
  max_u8: ['vl_max_u8'],
  min_u16: ['vl_min_u16'],
  max_i32: ['vl_max_i32'],
  place_u8: ['vl_argmax_u8'],
  place_i32: ['vl_argmax_i32'],
  place_kept: ['vl_argmax_u16'],
  crc_chosen: ['vl_crc32'],
  crc_masked: ['vl_crc32'],
  crc_times: ['vl_crc32'],
  crc_going_on: ['vl_crc32'],
  same_token: ['words'],
  parity_from: ['words'],
  any_flag: ['words'],
  all_set: ['words'],
  same_words: ['words'],
  copy: ['vl_mem_copy'],
  copy_by_4: ['vl_mem_copy'],
  fill: ['vl_mem_fill'],
  xor_in_place: ['vl_mem_xor'],
  compare: ['words'],
  find: ['vl_mem_find'],
  bins_u8: ['vl_histogram_u8'],
  bins_by_4: ['vl_histogram_u8'],
  sum_down: ['vl_sum_i32'],
  dot_down: ['vl_dot_i16'],
  max_down: ['vl_max_u8'],
  copy_down: ['vl_mem_copy'],
};

/** Loops that end too early here. */
const early = ['find'];
/** Where older instruction sets make another loop of it. */
const older = ['sum_i32', 'dot_i8', 'max_i32', 'fill'];

for (const [name, helpers] of Object.entries(lifted))
  for (const cpu of older.includes(name) ? ['v2', 'v4'] : ['v4'])
    test.serial(`a loop becomes its vector helper, and is proven: ${name} for -mcpu=${cpu}`, async (t) => {
      const program = (await programs)[`${name}/${cpu}`]!;
      const host = await loadHost();
      const check = (code: Uint8Array) => host.verify({ ...program, code }).ok;
      const [made] = vectorise(program.code, { context: { maps: program.maps }, check });
      t.deepEqual(made?.helpers, helpers);
      const after = { ...program, code: made!.code };
      const compared = comparePrograms(host, program, after, { runs: 64 });
      t.true(compared.same);
      t.true(compared.stepsAfter < compared.stepsBefore || early.includes(name));
      const { hook, maps } = program;
      const proof = await proveEquivalent(program.code, made!.code, { hook, maps, timeoutMs: 120_000 });
      t.is(proof.verdict, 'proven', proof.reason);
    });

const alike = [
  'smear',
  'smear_down',
  'every_second',
  'every_second_down',
  'running',
  'stale',
  'last_place',
  'least_place',
  'signed_place',
  'other_place',
  'rotated',
  'shifted',
  'with_gaps',
  'how_far',
  'crc_castagnoli',
  'crc_seven',
  'crc_ascii',
  'bins_twice',
  'bins_beside',
  'bins_with_gaps',
  'bins_overlapping',
  'bins_weighed',
];
test('a loop that gathers a constant and loads nothing is left to others', (t) => {
  for (const step of ['r3 |= 5', 'r3 ^= 5', 'r3 &= 5']) {
    const turns = `turn:\n ${step}\n r2 += 1\n if r2 != 64 goto turn`;
    t.deepEqual(vectorise(assemble(`r2 = 0\n r3 = *(u8 *)(r1 + 0)\n ${turns}\n r0 = r3\n exit`)), []);
  }
});

test.serial('a comparison is proposed in words, and as its vector helper', async (t) => {
  const program = (await programs)['compare/v4']!;
  const made = vectorise(program.code, { context: { maps: program.maps } });
  t.deepEqual(
    made.map((m) => m.helpers),
    [['words'], ['vl_mem_compare']],
  );
  const { hook, maps } = program;
  for (const { code } of made)
    t.is((await proveEquivalent(program.code, code, { hook, maps })).verdict, 'proven');
});

for (const name of alike)
  test.serial(`what only looks like one of them does not get through: ${name}`, async (t) => {
    const program = (await programs)[`${name}/v4`]!;
    const host = await loadHost();
    for (const { code } of vectorise(program.code, { context: { maps: program.maps } })) {
      const after = { ...program, code };
      const safe = host.verify(after).ok;
      t.false(safe && comparePrograms(host, program, after, { runs: 64 }).same);
    }
    t.pass();
  });
