import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compileModule, KernelTypes } from '../index.ts';
import { contextBytesOf } from './traced.ts';

/** A kernel is the BTF of an object here. */
const kernel = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-traced-'));
  try {
    await writeFile(
      `${folder}/a.c`,
      `typedef void (*btf_trace_made)(void *, long, int);
btf_trace_made trace;
#define KERNEL __attribute__((section("xdp")))
KERNEL int bpf_lsm_file_open(void *file, int more) { return 0; }
KERNEL void bpf_lsm_task_free(void *task) {}
KERNEL int counted(int a, int b, int c) { return 0; }
KERNEL void silent(int a) {}`,
    );
    return new KernelTypes(await compileModule(`${folder}/a.c`));
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('a security hook has its arguments, and what it returns behind them', (t) => {
  t.is(contextBytesOf('lsm/file_open', undefined), 16);
  t.is(contextBytesOf('lsm.s/task_kill', undefined), 40);
  t.is(contextBytesOf('lsm/task_free', undefined), 8);
  t.is(contextBytesOf('lsm/of_another_kernel', undefined), undefined);
  t.is(contextBytesOf('fentry/counted', undefined), undefined);
});

test('the types of a kernel say how large a context is', async (t) => {
  const types = await kernel();
  const rows: [string, number | undefined][] = [
    ['lsm/file_open', 24],
    ['lsm/task_free', 8],
    ['lsm/task_kill', 40],
    ['fentry/counted', 24],
    ['?fentry.s/counted', 24],
    ['fexit/counted', 32],
    ['fmod_ret/counted', 32],
    ['fexit/silent', 8],
    ['fentry/lost', undefined],
    ['tp_btf/made', 16],
    ['tp_btf/lost', undefined],
    ['xdp/counted', undefined],
  ];
  for (const [section, bytes] of rows) t.is(contextBytesOf(section, types), bytes, section);
});
