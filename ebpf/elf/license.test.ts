import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compileModule, verifyObject } from '../index.ts';

const PROGRAMS = `
#define SEC(name) __attribute__((section(name), used))
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));
extern void bpf_rcu_read_unlock(void) __attribute__((section(".ksyms")));
static void *(*const task)(void) = (void *)35;
static unsigned long (*const clock)(void) = (void *)5;
SEC("xdp/free") int free(void *c) { return clock() & 1; }
SEC("kprobe/helper") int helper(void *c) { return task() == 0; }
SEC("tc/function") int function(void *c) { bpf_rcu_read_lock(); bpf_rcu_read_unlock(); return 0; }
SEC("lsm/file_open") int hook(void *c) { return 0; }
`;

const verdicts = async (license: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-license-'));
  try {
    await writeFile(`${folder}/a.c`, PROGRAMS + license);
    const rows = await verifyObject(await compileModule(`${folder}/a.c`), { platform: 'linux' });
    return new Map(rows.map((row) => [row.function, row.error?.message ?? 'ok']));
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('what Linux has for programs under the GPL is refused to others', async (t) => {
  const rows = await verdicts('char _license[] SEC("license") = "Proprietary";');
  t.is(rows.get('free'), 'ok');
  t.regex(rows.get('helper')!, /^bpf_get_current_task is for programs whose license .*"Proprietary"/);
  t.regex(rows.get('function')!, /^bpf_rcu_read_lock is for programs whose license/);
  t.regex(rows.get('hook')!, /^lsm\/file_open takes only programs whose license/);
});

test('an empty license is none that goes with the GPL', async (t) => {
  const rows = await verdicts('char _license[] SEC("license") = "";');
  t.is(rows.get('free'), 'ok');
  t.regex(rows.get('helper')!, /^bpf_get_current_task .* this one's is ""/);
});

test('of an object that names no license its loader says it', async (t) => {
  t.deepEqual([...new Set((await verdicts('')).values())], ['ok']);
});

for (const license of ['GPL', 'Dual MIT/GPL'])
  test(`programs under ${license} get it`, async (t) => {
    const rows = await verdicts(`char _license[] SEC("license") = "${license}";`);
    t.deepEqual([...new Set(rows.values())], ['ok']);
  });
