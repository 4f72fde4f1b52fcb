/** What programs for Linux have and the board's do not, compiled: run in emulation, and held against the interpreter. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import type { CpuName } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import {
  buildExecutor,
  compileObject,
  compileProgram,
  compileSource,
  runCompiled,
} from './foreign/executor.ts';
import { foreignSource } from './foreign/random.ts';

const missing = ['qemu-aarch64', 'clang-19', 'ld.lld-19'].find(
  (tool) => spawnSync(tool, ['--version']).status !== 0,
);
const ifEmulated = missing ? test.skip : test;

for (const cpu of ['cortex-a53', 'cortex-a76', 'max'] satisfies CpuName[])
  ifEmulated(
    `functions that are called back, legacy packet loads and arenas do on ${cpu} what the interpreter does`,
    async (t) => {
      const text = await readFile(new URL('foreign/programs.c', import.meta.url), 'utf8');
      const compiled = await compileObject(await compileSource(text, 'v4'), cpu);
      t.deepEqual(
        compiled.flatMap(({ name, result }) => (result.ok ? [] : [`${name}: ${result.error.message}`])),
        [],
      );
      t.is(compiled.length, 10);
      t.deepEqual(runCompiled(await buildExecutor(), compiled, 200, 1, cpu), []);
    },
  );

for (const [cpu, seed] of [
  ['cortex-a72', 106],
  ['max', 107],
] satisfies [CpuName, number][])
  ifEmulated(
    `random functions that are called back, or work in an arena, do on ${cpu} what the interpreter does`,
    async (t) => {
      const source = foreignSource(new Random(seed), 60);
      const all = await compileObject(await compileSource(source, 'v3'), cpu);
      const compiled = all.filter(({ result }) => result.ok);
      t.true(compiled.length > 20, `${compiled.length}`);
      t.deepEqual(runCompiled(await buildExecutor(), compiled, 40, seed, cpu), []);
    },
  );

/** Loads and stores that others see in order, of each size: no compiler of this place writes them. */
const ordered = (): Uint8Array => {
  const slots: readonly (readonly number[])[] = [
    [0x7a, 10, 0, -16, 0x12345678],
    [0x7b, 10, 1, -8, 0],
    ...[0xd3, 0xcb, 0xc3, 0xdb].flatMap((opcode, i) => [
      [opcode, i + 2, 10, -16, 0x100],
      [0x07, i + 2, 0, 0, 77 + i],
      [opcode, 10, i + 2, -8, 0x110],
    ]),
    [0xdb, 0, 10, -8, 0x100],
    ...[2, 3, 4, 5].map((reg) => [0xaf, 0, reg, 0, 0]),
    [0x95, 0, 0, 0, 0],
  ];
  const code = Buffer.alloc(slots.length * 8);
  for (const [i, [opcode, dst, src, off, imm]] of slots.entries()) {
    code.writeUInt8(opcode!, i * 8);
    code.writeUInt8(dst! | (src! << 4), i * 8 + 1);
    code.writeInt16LE(off!, i * 8 + 2);
    code.writeInt32LE(imm!, i * 8 + 4);
  }
  return code;
};

ifEmulated('loads and stores in order do what the interpreter does', async (t) => {
  const compiled = await compileProgram('ordered', { code: ordered(), type: 'sched_cls' }, 'cortex-a72');
  t.deepEqual(compiled.result.ok ? '' : compiled.result.error.message, '');
  t.deepEqual(runCompiled(await buildExecutor(), [compiled], 10, 1, 'cortex-a72'), []);
});
