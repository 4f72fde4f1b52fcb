import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compileModule, verifyObject } from '../index.ts';

const ARM64 = `struct user_pt_regs { unsigned long regs[31], sp, pc, pstate; };
struct pt_regs { union { struct user_pt_regs user_regs; }; unsigned long orig_x0, more[7]; };`;
const X86 = 'struct pt_regs { unsigned long r15, r14, more[19]; };';

/** A probe and a sampled event that read one register and, of the event, its period. */
const verdicts = async (types: string, register: number, period: number) => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-registers-'));
  try {
    await writeFile(
      `${folder}/a.c`,
      `${types}
#define SEC(name) __attribute__((section(name), used))
#define AT(type, offset) (*(volatile type *)((char *)c + (offset)))
SEC("kprobe/f") int probe(struct pt_regs *c) { return AT(long, ${register}) != 0; }
SEC("perf_event") int event(void *c) { return AT(char, ${period}) != 0; }`,
    );
    const rows = await verifyObject(await compileModule(`${folder}/a.c`), { platform: 'linux' });
    return rows.map((row) => `${row.type} ${row.error?.code ?? 'ok'}`);
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('the types of an object say whose registers its programs get', async (t) => {
  t.deepEqual(await verdicts(ARM64, 328, 272), ['kprobe ok', 'perf_event_arm64 ok']);
  t.deepEqual(await verdicts(ARM64, 336, 168), [
    'kprobe context_out_of_bounds',
    'perf_event_arm64 context_bad_access',
  ]);
  t.deepEqual(await verdicts(X86, 160, 168), ['kprobe ok', 'perf_event ok']);
  t.deepEqual(await verdicts(X86, 168, 272), [
    'kprobe context_out_of_bounds',
    'perf_event context_out_of_bounds',
  ]);
});

test('without types they may be those of either machine', async (t) => {
  const unknown = 'struct pt_regs;';
  t.deepEqual(await verdicts(unknown, 160, 176), ['kprobe ok', 'perf_event ok']);
  t.deepEqual(await verdicts(unknown, 328, 272), ['kprobe ok', 'perf_event_arm64 ok']);
  t.deepEqual(await verdicts(unknown, 336, 290), [
    'kprobe context_out_of_bounds',
    'perf_event context_out_of_bounds',
  ]);
});
