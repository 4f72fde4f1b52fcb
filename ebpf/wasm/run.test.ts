import { fileURLToPath } from 'node:url';
import test from 'ava';
import {
  arrayKey,
  assemble,
  compileModule,
  type HookName,
  loadHost,
  loadObject,
  type ModuleProgram,
} from '../index.ts';

const module = async (name: string): Promise<ModuleProgram> => {
  const path = fileURLToPath(new URL(`../../modules/${name}/${name}.c`, import.meta.url));
  return loadObject(await compileModule(path), { name }).programs[0]!;
};

const u64 = (value: number | bigint) => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return new Uint8Array(out);
};

test('the fibonacci module computes', async (t) => {
  const host = await loadHost();
  const program = await module('fibonacci');
  const maps = [new Map([[arrayKey(0), u64(90)]])];
  const result = host.run(program, { maps });
  if (!result.ok) return t.fail(result.error.message);
  t.is(result.r0, 2880067194370816120n);
  t.deepEqual(result.maps[0]!.get(arrayKey(1)), u64(2880067194370816120n));
  t.deepEqual(result.maps[0]!.get(arrayKey(0)), u64(90));
  t.true(result.steps > 90 * 3 && result.steps < 90 * 10, String(result.steps));
});

test('memory is given in r1 and r2, and comes back', async (t) => {
  const code = assemble(`
    r0 = r2
    r3 = *(u8 *)(r1 + 1)
    r3 += 1
    *(u8 *)(r1 + 2) = r3
    exit`);
  const result = (await loadHost()).run({ code, hook: 'run' }, { memory: Uint8Array.of(1, 2, 0, 9) });
  t.like(result, { ok: true, r0: 4n, memory: Uint8Array.of(1, 2, 3, 9), steps: 5 });
});

test('records_of_a_ring_buffer_come_back_with_what_was_lost', async (t) => {
  const say = (size: number) => `r1 = map 0 ll
    r2 = r6
    r3 = ${size}
    r4 = 0
    call ringbuf_output`;
  const code = assemble(`r6 = r1\n${[3, 9, 1, 1].map(say).join('\n')}\nexit`);
  const maps = [{ name: 'r', type: 27, keySize: 8, valueSize: 0, maxEntries: 64, flags: 0 }];
  const memory = Uint8Array.from({ length: 9 }, (_, i) => i + 1);
  const full = (await loadHost()).run({ code, hook: 'run', maps }, { memory });
  if (!full.ok) return t.fail(full.error.message);
  t.is(BigInt.asIntN(64, full.r0), -11n);
  t.deepEqual(
    [...full.maps[0]!].map(([key, value]) => [key, Buffer.from(value).toString('hex')]),
    [
      ['0000000000000000', '00000000010203'],
      ['1000000000000000', '00000000010203040506070809'],
      ['2800000000000000', '0000000001'],
      ['3800000000000000', '01000000'],
    ],
  );
});

test('a_search_counts_as_far_as_it_looks_and_never_more_than_its_bound', async (t) => {
  const host = await loadHost();
  const find = assemble('r2 = 256\n r3 = 7\n call 260\n exit');
  const compare = assemble('r2 = r1\n r2 += 128\n r3 = 128\n call 259\n exit');
  const executed = (code: Uint8Array, at: number | undefined) => {
    const memory = new Uint8Array(256);
    if (at !== undefined) memory[at] = 7;
    const result = host.run({ code, hook: 'run' }, { memory });
    return result.ok ? result.vectorInsns : 0;
  };
  for (const [code, bytes] of [
    [find, 256],
    [compare, 128],
  ] as const) {
    const at = (place: number | undefined) => executed(code, place);
    t.true(0 < at(0) && at(0) === at(15) && at(0) < at(63) && at(0) < at(64) && at(64) < at(bytes - 1));
    // abi/vectors.ts: 120 for the call, 8 for each 16 bytes.
    for (const place of [bytes - 1, undefined]) t.true(at(place) < 120 + bytes / 2);
  }
});

const field = async (hook: HookName, text: string, input: object) =>
  (await loadHost()).run({ code: assemble(`${text}\nexit`), hook }, input);

test('context fields lie where the contract says', async (t) => {
  const context = { tick: 7n, time_ns: 2n ** 63n, period_ns: 100, core: 3, missed: 5 };
  t.like(await field('timer', 'r0 = *(u64 *)(r1 + 0)', { context }), { r0: 7n });
  t.like(await field('timer', 'r0 = *(u64 *)(r1 + 8)', { context }), { r0: 2n ** 63n });
  t.like(await field('timer', 'r0 = *(u32 *)(r1 + 24)', { context }), { r0: 3n });
  t.like(await field('timer', 'r0 = *(u32 *)(r1 + 28)', { context }), { r0: 5n });
});

test('a packet has its length between data and data_end', async (t) => {
  const memory = new Uint8Array(61).fill(9);
  const length = 'r2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 8)\nr0 -= r2';
  t.like(await field('packet', length, { memory }), { r0: 61n });
  t.like(await field('packet', 'r0 = *(u32 *)(r1 + 24)', { memory }), { r0: 61n });
  t.like(await field('packet', 'r2 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 60)', { memory }), { r0: 9n });
});

test('time, chance and core are the caller’s', async (t) => {
  const text =
    'call ktime_get_ns\nr6 = r0\ncall get_prandom_u32\nr6 += r0\ncall get_smp_processor_id\nr0 += r6';
  const result = await field('run', text, { timeNs: () => 1000n, random: () => 50, core: 2 });
  t.like(result, { r0: 1052n });
});

test('hash maps: update, flags, full, delete', async (t) => {
  const maps = [{ name: 'm', type: 1, keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 }];
  const update = (key: number, flags: number) => `
    *(u32 *)(r10 - 4) = ${key}
    *(u64 *)(r10 - 16) = ${key * 10}
    r1 = map 0 ll
    r2 = r10
    r2 += -4
    r3 = r10
    r3 += -16
    r4 = ${flags}
    call map_update_elem`;
  const run = async (text: string) => {
    const result = (await loadHost()).run({ code: assemble(`${text}\nexit`), hook: 'run', maps });
    return result.ok
      ? { r0: BigInt.asIntN(64, result.r0), map: Object.fromEntries(result.maps[0]!) }
      : result;
  };
  t.deepEqual(await run(update(1, 0)), { r0: 0n, map: { [arrayKey(1)]: u64(10) } });
  t.like(await run(update(1, 2)), { r0: -2n });
  t.like(await run(update(1, 0) + update(1, 1)), { r0: -17n });
  t.like(await run(update(1, 0) + update(2, 1) + update(3, 0)), { r0: -7n });
  const remove = '\nr1 = map 0 ll\nr2 = r10\nr2 += -4\ncall map_delete_elem';
  t.deepEqual(await run(update(1, 0) + update(2, 0) + remove), { r0: 0n, map: { [arrayKey(1)]: u64(10) } });
});

test('a key is the same wherever it lies', async (t) => {
  const host = await loadHost();
  const map = { name: 'h', type: 1, keySize: 8, valueSize: 8, maxEntries: 4, flags: 0 };
  const at = (off: number) => `r1 = map 0 ll\n r2 = r10\n r2 += ${off}\n`;
  const code = assemble(`
    r6 = 0x0123456789abcdef ll
    *(u64 *)(r10 - 8) = r6
    *(u64 *)(r10 - 19) = r6
    *(u64 *)(r10 - 32) = 7
    ${at(-8)} r3 = r10
    r3 += -32
    r4 = 0
    call map_update_elem
    ${at(-19)} r3 = r10
    r3 += -32
    r4 = 1
    call map_update_elem
    r6 = r0
    ${at(-19)} call map_lookup_elem
    if r0 == 0 goto none
    r0 = *(u64 *)(r0 + 0)
    r0 += r6
    exit
  none:
    r0 = 99
    exit`);
  const result = host.run({ code, hook: 'timer', maps: [map] });
  if (!result.ok) return t.fail(result.error.message);
  t.is(BigInt.asIntN(64, result.r0), 7n - 17n);
  t.is(result.maps[0]!.size, 1);
});

test('each run starts from the maps it is given', async (t) => {
  const host = await loadHost();
  const program = await module('histogram');
  const context = { time_ns: 5000, period_ns: 100 };
  const once = host.run(program, { context });
  const again = host.run(program, { context });
  t.deepEqual(once, again);
  if (!once.ok) return t.fail(once.error.message);
  const third = host.run(program, { context: { time_ns: 6000, period_ns: 100 }, maps: once.maps });
  t.notDeepEqual(third, once);
});

test('constants and log lines', async (t) => {
  const maps = [
    {
      name: 'm',
      type: 2,
      keySize: 4,
      valueSize: 16,
      maxEntries: 1,
      flags: 0x80,
      init: Buffer.from('n=%d\0'),
    },
  ];
  const code = assemble(`
    r1 = map_value 0 + 0 ll
    r2 = 5
    r3 = -42
    call trace_printk
    exit`);
  t.like((await loadHost()).run({ code, hook: 'run', maps }), { ok: true, r0: 5n, log: ['n=-42'] });
});

test('an endless loop, a wild pointer and bad bytes end with a name', async (t) => {
  const host = await loadHost();
  const run = (text: string) => host.run({ code: assemble(text), hook: 'run' }, { stepLimit: 1000 });
  t.like(run('goto -1'), { ok: false, error: { code: 'budget_exceeded' } });
  t.like(run('r1 = 0xfffffff0 ll\nr0 = *(u64 *)(r1 + 0)\nexit'), {
    ok: false,
    error: { code: 'module_fault' },
  });
  t.like(run('r0 = 1\nexit'), { ok: true, r0: 1n });
  t.like(run('.8byte 0xff'), { ok: false });
  t.like(host.run({ code: new Uint8Array(), hook: 'run' }), { ok: false, error: { code: 'empty_program' } });
  t.like(host.run({ code: new Uint8Array(9), hook: 'run' }), {
    ok: false,
    error: { code: 'invalid_argument' },
  });
  t.like(host.run({ code: new Uint8Array(8 * 4097), hook: 'run' }), {
    ok: false,
    error: { code: 'program_too_long' },
  });
});
