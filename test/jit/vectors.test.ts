/**
 * The vector helpers: compiled code under qemu's user-mode emulation, the interpreter, and a third reference in TypeScript give
 * the same result and memory, for every count from 0 to 130 and larger ones, at every alignment, with known and unknown counts.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { vectors } from '../../abi/index.ts';
import { loadHost } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { compiledProgram } from '../../firmware/native.ts';
import { buildMachine, type Cpu, FEATURE_SETS, missingTool, runMachine } from './machine.ts';
import { emulatedFlags, emulatedTarget } from './native.ts';
import { type Call, expected, place } from './vectors/programs.ts';
import { references } from './vectors/reference.ts';

const ifEmulated = missingTool() ? test.serial.skip : test.serial;
const LARGE = [131, 191, 192, 255, 256, 257, 300, 319];
const LARGE_BYTES = [511, 512, 513, 640, 1000, 1024, 1279, 1280];
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

const countsOf = (helper: string): number[][] => {
  const least = Object.values(vectors[helper]!.args).some((a) => a.kind === 'count1') ? 1 : 0;
  const small = Array.from({ length: 131 - least }, (_, i) => i + least);
  if (helper === 'vl_gemv_i8')
    return small.flatMap((n) => [
      [n % 10, n],
      [9 - (n % 10), n],
    ]);
  if (helper === 'vl_fir_i16')
    return [0, ...small].flatMap((n) => [
      [n, 1 + ((n * 7) % 40)],
      [131 - n, Math.max(n, 1)],
    ]);
  const wide = Object.values(vectors[helper]!.args).some((a) => 'elements' in a && a.bytes > 1);
  return [...small, ...LARGE, ...(wide && helper !== 'vl_histogram_u8' ? [] : LARGE_BYTES)].map((n) => [n]);
};

/** Two placements of each count; over all counts every alignment meets every other. */
const callsOf = (helper: string): Call[] =>
  countsOf(helper).flatMap((counts, i) =>
    [0, 1].flatMap((turn) => {
      const random = new Random(i * 2 + turn + vectors[helper]!.id);
      const shifts = [random.below(16), (i + 5 * turn) % 16, random.below(16)];
      const seed = random.below(1 << 20);
      return [true, false].map((known) => ({ helper, counts, shifts, known, seed }));
    }),
  );

const name = (c: Call) =>
  `${c.helper}(${c.counts}) shifts ${c.shifts} ${c.overlap ?? ''} ${c.known ? 'known' : 'unknown'}, seed ${c.seed}`;

const firstDifference = (a: Uint8Array, b: Uint8Array) => a.findIndex((v, i) => v !== b[i]);

type Outcome = { readonly r0: bigint; readonly memory: Uint8Array };
type Prepared = {
  readonly call: Call;
  readonly code: Uint8Array;
  readonly memory: Uint8Array;
  readonly verify: true;
  readonly want: Outcome;
};

const prepare = (call: Call): Prepared => {
  const { code, memory } = place(call);
  return { call, code: bytes(code), memory, verify: true, want: expected(call) };
};

let last: { readonly helper: string; readonly all: readonly Prepared[] } | undefined;

/** Of the helper that was asked for last they are kept: tests of one follow each other. */
const preparedFor = (helper: string): readonly Prepared[] => {
  if (last?.helper !== helper) last = { helper, all: callsOf(helper).map(prepare) };
  return last.all;
};

const complaint = ({ call, want }: Prepared, got: Outcome, who: string): string[] => {
  if (got.r0 !== want.r0)
    return [`${name(call)}: ${who} r0 0x${got.r0.toString(16)}, want 0x${want.r0.toString(16)}`];
  const at = firstDifference(want.memory, got.memory);
  return at < 0 ? [] : [`${name(call)}: ${who} memory differs at ${at}`];
};

test('every helper has a reference', (t) => {
  t.deepEqual(Object.keys(references).sort(), Object.keys(vectors).sort());
});

/** Copies and xors over themselves, upward and downward. */
const overlappingCalls = (helper: string): Call[] =>
  [1, 5, 8, 15, 16, 17, 31, 32, 33, 60, 64, 65, 100, 127, 128, 129, 200, 255, 256, 257, 300, 600].flatMap(
    (n, i) =>
      [-64, -33, -16, -15, -8, -3, -1, 0, 1, 2, 7, 16, 17, 31, 48, 63].flatMap((overlap, k) =>
        [true, false].map((known) => ({
          helper,
          counts: [n],
          shifts: [(i + k) % 16, 0, 0],
          known,
          overlap,
          seed: i * 100 + k,
        })),
      ),
  );

let machine: Promise<string> | undefined;
for (const helper of ['vl_mem_copy', 'vl_mem_xor']) {
  ifEmulated(`${helper}: buffers that overlap`, async (t) => {
    t.timeout(600_000);
    machine ??= buildMachine();
    const host = await loadHost();
    const inputs = overlappingCalls(helper).map(prepare);
    const wrong = runMachine(await machine, 'max', inputs).flatMap((answer, i) => {
      const input = inputs[i]!;
      if (answer.words === 0) return [`${name(input.call)}: refused`];
      const result = host.run({ code: input.code, hook: 'run' }, { memory: input.memory });
      const interpreted = result.ok ? complaint(input, result, 'interpreter') : [result.error.message];
      return [...complaint(input, answer, 'max'), ...interpreted];
    });
    t.deepEqual(wrong.slice(0, 5), []);
  });
}

for (const helper of Object.keys(vectors)) {
  for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
    ifEmulated(`${helper}: compiled for ${cpu}`, async (t) => {
      t.timeout(600_000);
      machine ??= buildMachine();
      const inputs = preparedFor(helper);
      const wrong = runMachine(await machine, cpu, inputs).flatMap((answer, i) => {
        const input = inputs[i]!;
        if (answer.words === 0) return [`${name(input.call)}: refused`];
        if (answer.lost) return [`${name(input.call)}: a register was not restored`];
        return complaint(input, answer, cpu);
      });
      t.deepEqual(wrong.slice(0, 5), []);
    });
  }

  test.serial(`${helper}: interpreted`, async (t) => {
    t.timeout(600_000);
    const host = await loadHost();
    const wrong = preparedFor(helper).flatMap((input) => {
      const { call, code, memory } = input;
      const result = host.run({ code, hook: 'run' }, { memory });
      return result.ok ? complaint(input, result, 'interpreter') : [`${name(call)}: ${result.error.message}`];
    });
    t.deepEqual(wrong.slice(0, 5), []);
  });
}

ifEmulated('the_greatest_element_is_looked_for_where_it_was_even_if_it_is_gone', async (t) => {
  const source = fileURLToPath(new URL('vectors/greatest.c', import.meta.url));
  const flags = [
    ...emulatedTarget,
    ...emulatedFlags,
    `-I${fileURLToPath(new URL('../../kernel-aarch64', import.meta.url))}`,
  ];
  const program = await compiledProgram('greatest', [...flags, source]);
  t.is(spawnSync('qemu-aarch64', [program]).status, 0);
});
