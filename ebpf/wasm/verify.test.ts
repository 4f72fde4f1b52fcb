import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { hooks } from '../../abi/index.ts';
import {
  arrayKey,
  assemble,
  compileModule,
  type HookName,
  loadHost,
  loadObject,
  type ModuleProgram,
  verifyObject,
} from '../index.ts';
import { Random } from '../random.ts';
import { exampleNames, exampleSource } from './test/examples.ts';
import { BOARD_STEP_BUDGET, BOARD_WORKSPACE_BYTES } from './verify.ts';

const objects = new Map(exampleNames.map((name) => [name, compileModule(exampleSource(name))]));
const programOf = async (name: string): Promise<ModuleProgram> =>
  loadObject((await objects.get(name))!, { name }).programs[0]!;

for (const name of exampleNames)
  test(`module ${name} is accepted within the budget of its hook`, async (t) => {
    const program = await programOf(name);
    const verdict = (await loadHost()).verify(program);
    if (!verdict.ok)
      return t.fail(`${verdict.error.code} at ${verdict.error.insn}: ${verdict.error.message}`);
    t.true(verdict.bound > 0 && verdict.bound <= hooks[program.hook].budget, String(verdict.bound));
    t.is(verdict.facts.flags.length, program.code.length / 8);
  });

test('no run executes more instructions than the proven bound', async (t) => {
  const host = await loadHost();
  const random = new Random(3);
  for (const name of exampleNames) {
    const program = await programOf(name);
    const verdict = host.verify(program);
    if (!verdict.ok) return t.fail(verdict.error.message);
    for (let round = 0; round < 200; round++) {
      const memory = Uint8Array.from({ length: 14 + random.below(100) }, () => random.below(256));
      const map = program.maps[0]!;
      const value = Uint8Array.from({ length: map.valueSize }, () => random.below(256));
      const maps = map.type === 1 ? [] : [new Map([[arrayKey(0), value]])];
      const run = host.run(program, { memory, maps, context: { tick: round, time_ns: random.next() } });
      if (!run.ok) return t.fail(run.error.message);
      t.true(run.steps <= verdict.bound, `${name}: ${run.steps} > ${verdict.bound}`);
    }
  }
});

type Case = readonly [what: string, hook: HookName, text: string, codes: string];
const refusals: readonly Case[] = [
  ['an empty program', 'run', '', 'empty_program'],
  ['an uninitialised result', 'run', 'exit', 'uninitialised_register|bad_exit_value'],
  ['falling off the end', 'run', 'r0 = 0', 'falls_off_end'],
  [
    'an endless loop',
    'run',
    'r0 = 0\ngoto -1\nexit',
    'unbounded_loop|budget_exceeded|unreachable_instruction',
  ],
  ['a jump out of the program', 'run', 'r0 = 0\ngoto +7\nexit', 'jump_out_of_program'],
  ['a write to r10', 'run', 'r10 = 0\nr0 = 0\nexit', 'frame_pointer_write'],
  ['memory one byte beyond', 'run', 'r0 = *(u8 *)(r1 + 64)\nexit', 'memory_out_of_bounds'],
  ['a stack that was not written', 'run', 'r0 = *(u64 *)(r10 - 8)\nexit', 'uninitialised_stack'],
  ['a stack slot too low', 'run', 'r0 = 0\n*(u64 *)(r10 - 520) = r0\nexit', 'stack_out_of_bounds'],
  ['a number as address', 'run', 'r3 = 4096\nr0 = *(u64 *)(r3 + 0)\nexit', 'not_a_pointer'],
  ['a pointer as result', 'run', 'r0 = r1\nexit', 'bad_exit_value|pointer_leak'],
  ['a helper that does not exist', 'run', 'call 77\nexit', 'unknown_helper'],
  ['a map that is not declared', 'run', 'r1 = map 3 ll\nr0 = 0\nexit', 'unknown_map'],
  ['bytes that are no instruction', 'run', '.8byte 0xff\nexit', 'bad_opcode'],
  [
    'a context field across its border',
    'timer',
    'r0 = *(u64 *)(r1 + 4)\nexit',
    'context_bad_access|misaligned_access',
  ],
  ['a context beyond its end', 'timer', 'r0 = *(u32 *)(r1 + 32)\nexit', 'context_out_of_bounds'],
  ['a write to the context', 'timer', 'r0 = 0\n*(u64 *)(r1 + 0) = r0\nexit', 'context_read_only'],
  [
    'a packet that was not checked',
    'packet',
    'r2 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 0)\nexit',
    'packet_out_of_bounds',
  ],
  [
    'a packet read one byte beyond the check',
    'packet',
    `r2 = *(u64 *)(r1 + 0)
     r3 = *(u64 *)(r1 + 8)
     r4 = r2
     r4 += 14
     r0 = 0
     if r4 > r3 goto +1
     r0 = *(u8 *)(r2 + 14)
     exit`,
    'packet_out_of_bounds',
  ],
];

for (const [what, hook, text, codes] of refusals)
  test(`refuses ${what}`, async (t) => {
    const verdict = (await loadHost()).verify({ code: assemble(text), hook }, { memorySize: 64 });
    if (verdict.ok) return t.fail('it was accepted');
    t.true(codes.split('|').includes(verdict.error.code), `${verdict.error.code}: ${verdict.error.message}`);
  });

test('a map value must be compared with null first', async (t) => {
  const maps = [{ name: 'm', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 }];
  const text = (check: string) => `
    *(u32 *)(r10 - 4) = 0
    r1 = map 0 ll
    r2 = r10
    r2 += -4
    call map_lookup_elem
    ${check}
    r0 = *(u64 *)(r0 + 0)
    exit`;
  const verify = async (check: string) =>
    (await loadHost()).verify({ code: assemble(text(check)), hook: 'run', maps });
  t.like(await verify('if r0 == 0 goto +1'), { ok: true });
  t.like(await verify(''), { ok: false, error: { code: 'null_dereference', insn: 6 } });
});

test('host and board verify with the same memory and budget', (t) => {
  const board = readFileSync(new URL('../../kernel-aarch64/patch/compile.c', import.meta.url), 'utf8');
  t.regex(board, /WORKSPACE_BYTES = 1024 \* 1024;/);
  t.is(BOARD_WORKSPACE_BYTES, 1024 * 1024);
  t.is(Number(/VERIFIER_STEPS = ([\d']+);/.exec(board)?.[1]?.replaceAll("'", '')), BOARD_STEP_BUDGET);
});

test('the analysis stops at its budget', async (t) => {
  const code = assemble(`${'r0 = 1\n'.repeat(500)}exit`);
  const verdict = (await loadHost()).verify({ code, hook: 'run' }, { stepBudget: 100 });
  t.like(verdict, { ok: false, error: { code: 'budget_exceeded' } });
});

/** Loops around `body`, each ranked by halving, which no certificate says. */
const halvingLoops = (depth: number, body: string): string => {
  if (depth === 0) return body;
  const inner = halvingLoops(depth - 1, body);
  const register = `r${9 - depth}`;
  const back = inner.split('\n').length + 2;
  return [`${register} = 0x7fffffff`, inner, `${register} >>= 1`, `if ${register} != 0 goto -${back}`].join(
    '\n',
  );
};

const endless: [string, string][] = [
  ['loops in loops that no certificate ends', `r0 = 0\n${halvingLoops(5, 'r0 += 1')}\nexit`],
  [
    'hundreds of loops one after the other',
    `r0 = 0\n${'r3 = 5\nr0 += r3\nr3 += -1\nif r3 != 0 goto -3\n'.repeat(900)}exit`,
  ],
];

test('the analysis stops when its time by the clock is up, however little processor time it had', async (t) => {
  const program = { code: assemble(endless[0]![1]), hook: 'run' } as const;
  const verdict = (await loadHost()).verify(program, { timeMs: 600_000, wallMs: 0 });
  t.like(verdict, { ok: false, error: { code: 'budget_exceeded' } });
});

for (const [what, text] of endless)
  test(`the analysis stops when its time is up: ${what}`, async (t) => {
    const program = { code: assemble(text), hook: 'run' } as const;
    const verdict = (await loadHost()).verify(program, { timeMs: 0 });
    t.like(verdict, { ok: false, error: { code: 'budget_exceeded' } });
  });

/** Each branch adds another number, so that states wait that are all different; what they have in common only each by itself says. */
const threefold = (branches: number): string => {
  const branch = (i: number) => `r1 = r6\nr1 &= ${2 ** i}\nif r1 == 0 goto +1\nr7 += ${3 * 2 ** i}`;
  const all = Array.from({ length: branches }, (_, i) => branch(i)).join('\n');
  return `call 7\nr6 = r0\nr7 = 0\n${all}\nr7 %= 3\nif r7 == 0 goto +1\nr0 = *(u64 *)(r7 + 0)\nr0 = 0\nexit`;
};

test('the analysis stops where it compares too many states, however few instructions they walk', async (t) => {
  const verify = async (branches: number, stepBudget: number) => {
    const program = { code: assemble(threefold(branches)), type: 'socket_filter' } as const;
    return (await loadHost()).verify(program, { stepBudget, workspaceBytes: 64 * 1024 * 1024 });
  };
  t.false((await verify(11, 50_000)).ok);
  const verdict = await verify(11, 1_000_000);
  t.true(verdict.ok && verdict.steps < 50_000, `${verdict.steps} steps`);
});

test('any bytes get a verdict, and the next program a fresh one', async (t) => {
  const host = await loadHost();
  const random = new Random(5);
  for (let round = 0; round < 5000; round++) {
    const code = Uint8Array.from({ length: 8 * (1 + random.below(12)) }, () => random.below(256));
    const verdict = host.verify({ code, hook: 'run' }, { memorySize: 64, stepBudget: 10000 });
    if (!verdict.ok) t.not(verdict.error.code, 'unknown', verdict.error.message);
  }
  t.like(host.verify({ code: assemble('r0 = 0\nexit'), hook: 'run' }), { ok: true, bound: 2 });
});

test('verifyObject gives a row for each function, with the line of C', async (t) => {
  const file = fileURLToPath(new URL('../testdata/unsafe.c', import.meta.url));
  const rows = await verifyObject(await compileModule(file), { file: 'unsafe.o' });
  t.deepEqual(
    rows.map((r) => [r.file, r.section, r.function, r.ok, r.error?.code, r.error?.line]),
    [
      ['unsafe.o', 'timer/good', 'good', true, undefined, undefined],
      ['unsafe.o', 'timer/bad', 'bad', false, 'null_dereference', 19],
      ['unsafe.o', 'kprobe/x', 'other', false, 'unknown_section', undefined],
    ],
  );
  t.true(rows[0]!.insns! > 0 && rows[0]!.bound_insns! > 0);
  t.like((await verifyObject(new Uint8Array(3)))[0], { ok: false, error: { code: 'not_elf' } });
});

test('the JIT’s words are all A64 instructions', async (t) => {
  const host = await loadHost();
  for (const name of exampleNames) {
    const program = await programOf(name);
    const result = host.jitCompile(program);
    if (!result.ok) return t.fail(`${name}: ${result.error.message}`);
    t.is(result.insnOfWord.length, result.words.length);
    t.true(result.words.length >= program.code.length / 16);
    const bytes = [...new Uint8Array(result.words.buffer)].map((b) => `0x${b.toString(16)}`).join(' ');
    const text = execFileSync('llvm-mc-19', ['--arch=aarch64', '--disassemble'], {
      input: bytes,
      encoding: 'utf8',
    });
    t.is(text.trim().split('\n').length - 1, result.words.length, name);
  }
});
