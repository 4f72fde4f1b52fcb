/** Vector helpers in modules written in C, on boards; emulated ones with and without the instructions for dot products. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { vectors } from '../../abi/index.ts';
import { readProgram } from '../../cli/module-file.ts';
import { assemble, compileModule, loadHost, loadObject, vectorSlots } from '../../ebpf/index.ts';
import { root } from '../../firmware/index.ts';
import { type Bench, onEveryBoard, onVirtualBoard } from './bench.ts';
import { install } from './programs.ts';

const source = (name: string) => join(root, 'test/board/programs', `${name}.c`);
const N_AT = 2;
const COLUMNS_AT = 3;

const programs = async () => {
  const object = await compileModule(source('vectors'), { cpu: 'v3' });
  const { programs: all } = loadObject(object, { name: 'vectors' });
  return Object.fromEntries(all.map((p) => [p.name, p.code]));
};

const memoryFor = (n: number): Uint8Array => {
  const memory = Uint8Array.from({ length: 2048 }, (_, i) => (Math.imul(i + n, 0x2c1b3c6d) >>> 11) & 255);
  memory[N_AT] = n;
  memory[COLUMNS_AT] = n % 46;
  return memory;
};

/** The host's interpreter says what must come out. */
const wanted = async (code: Uint8Array, memory: Uint8Array) => {
  const result = (await loadHost()).run({ code, hook: 'run' }, { memory });
  if (!result.ok) throw new Error(result.error.message);
  return { r0: result.r0, memory: Buffer.from(result.memory).toString('hex') };
};

const compare = async (t: ExecutionContext, { link }: Bench, name: string, n: number) => {
  const code = (await programs())[name]!;
  const want = await wanted(code, memoryFor(n));
  for (const jit of [true, false]) {
    const got = await link.runProgram({ jit, code, mem: memoryFor(n) });
    t.is(BigInt.asUintN(64, got.r0), want.r0, `${name}(${n}), ${jit ? 'compiled' : 'interpreted'}`);
    t.is(
      Buffer.from(got.mem).toString('hex'),
      want.memory,
      `${name}(${n}), ${jit ? 'compiled' : 'interpreted'}`,
    );
    if (jit) t.true(got.cycles <= got.bound, `${name}(${n}): ${got.cycles} instructions, bound ${got.bound}`);
  }
};

/** Helpers with more elements than their first count. */
const LARGE = ['vl_gemv_i8', 'vl_fir_i16', 'vl_histogram_u8'];
/** For what is read, and behind it for what is written: no more than that goes over the line and back. */
const roomFor = (helper: string, n: number): number =>
  LARGE.includes(helper) ? 1024 : 16 + 16 * Math.ceil(n / 4);

/** One call with counts of at most n, which are n: known to the JIT, or not. */
const boundedCall = (helper: string, n: number, known: boolean): Uint8Array => {
  const lines = [
    'r6 = r1',
    'r7 = *(u8 *)(r6 + 2)',
    `if r7 > ${n} goto out`,
    `if r7 < ${Math.min(n, 1)} goto out`,
  ];
  Object.values(vectors[helper]!.args).forEach((a, i) => {
    const r = `r${i + 1}`;
    if ('elements' in a) lines.push(`${r} = r6`, `${r} += ${a.kind === 'in' ? 0 : roomFor(helper, n)}`);
    else if (a.kind === 'number') lines.push(`${r} = 7`);
    else if (helper === 'vl_gemv_i8' && i === 3) lines.push(`${r} = 6`);
    else if (helper === 'vl_fir_i16' && i === 4) lines.push(`${r} = 13`);
    else lines.push(`${r} = ${known ? n : 'r7'}`);
  });
  lines.push(`call ${helper}`, 'out:', 'r0 = 0', 'exit');
  return assemble(lines.join('\n'));
};

/** DDI 0487 C6.2, BL and BLR. */
const isCall = (word: number) => word >>> 26 === 0x25 || (word & 0xfffffc1f) >>> 0 === 0xd63f0000;

/** A64 instructions by the host's estimate: all words of a straight program, but of the helper what the interpreter's run says. */
const estimated = async (code: Uint8Array, memory: Uint8Array) => {
  const host = await loadHost();
  const compiled = host.jitCompile({ code, hook: 'run' }, { memorySize: memory.length });
  const ran = host.run({ code, hook: 'run' }, { memory });
  if (!compiled.ok || !ran.ok) throw new Error('neither compiles nor runs');
  const slots = vectorSlots(code);
  const around = compiled.insnOfWord.filter((slot) => slot === undefined || !slots.has(slot)).length;
  return { insns: around + ran.vectorInsns, called: compiled.words.some(isCall) };
};

/** Exact where the code is in its place; of routines some sizes were measured, of those with two counts few. Where the largest lies matters, too. */
const isNear = (cycles: number, insns: number, called: boolean, isMeasured: boolean) =>
  cycles === insns || (called && (!isMeasured || Math.abs(cycles - insns) <= 20 + cycles / 8));

const costsWhatIsSaid = async (t: ExecutionContext, { link }: Bench) => {
  t.timeout(600_000);
  const empty = assemble('r0 = 0\nexit');
  const nothing = await link.runProgram({ jit: true, code: empty, mem: new Uint8Array(8) });
  const around = Number(nothing.cycles) - nothing.jit_bytes / 4;
  for (const [helper, { args, returns }] of Object.entries(vectors)) {
    const least = Object.values(args).some((a) => a.kind === 'count1') ? 1 : 0;
    const isMeasured =
      Object.values(args).filter((a) => a.kind.startsWith('count')).length === 1 && returns !== 'index';
    for (const n of new Set([least, 1, 15, 17, 63, 100, 170])) {
      for (const known of [true, false]) {
        const code = boundedCall(helper, n, known);
        const mem = memoryFor(n).subarray(0, 2 * roomFor(helper, n));
        const { cycles, bound } = await link.runProgram({ jit: true, code, mem });
        const what = `${helper}(${n}), ${known ? 'known' : 'not known'}: ${cycles} instructions`;
        t.true(cycles <= bound, `${what}, bound ${bound}`);
        const { insns, called } = await estimated(code, mem);
        t.true(
          isNear(Number(cycles), around + insns, called, isMeasured),
          `${what}, estimated ${around + insns}`,
        );
      }
    }
  }
};

/** Each as long as the budget of a run allows. */
const RUNS = 4;

const tests = (it: (title: string, body: (t: ExecutionContext, bench: Bench) => Promise<void>) => void) => {
  it('vector_helpers_of_known_sizes_do_what_the_interpreter_does', (t, bench) =>
    compare(t, bench, 'known', 100));

  it('vector_helpers_of_unknown_sizes_do_what_the_interpreter_does', async (t, bench) => {
    for (const n of [1, 2, 15, 16, 17, 31, 64, 65, 100, 119]) await compare(t, bench, 'unknown', n);
  });

  it('vector_registers_survive_interrupts_that_run_a_module_with_vectors', async (t, { link }) => {
    const code = (await programs()).long_sum!;
    const want = await wanted(code, memoryFor(77));
    const { period_us } = await link.timer();
    await link.timer(100);
    await install(link, { ...(await readProgram(source('vector_tick'))), name: 'vector_tick' });
    const [before] = await link.telemetryAll();
    for (let run = 0; run < RUNS; run++) {
      const got = await link.runProgram({ jit: true, code, mem: memoryFor(77) });
      t.is(BigInt.asUintN(64, got.r0), want.r0);
    }
    const [after] = await link.telemetryAll();
    await link.remove('vector_tick');
    await link.timer(period_us);
    t.true(after!.calls - before!.calls >= 30n, `interrupted ${after!.calls - before!.calls} times`);
  });
};

onEveryBoard(tests);
onVirtualBoard('qemu-virt', 'qemu-virt', {}, (it) => {
  it('vector_helpers_execute_what_estimates_say_and_never_more_than_their_bound', costsWhatIsSaid);
});
onVirtualBoard('qemu-virt', 'qemu-virt_with_dot_products', { extra: ['-cpu', 'max'] }, tests);
