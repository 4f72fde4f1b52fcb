/** What a struct of functions says of the programs that stand in it, before they are judged. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runClang } from '../../ebpf/clang.ts';
import { verifyObject } from '../../ebpf/index.ts';

const types = `
#define SEC(name) __attribute__((section(name), used))
struct sock { int mark; };
struct tcp_congestion_ops { void (*init)(struct sock *); void (*release)(struct sock *); void (*get_info)(struct sock *); int flags; };
struct sched_ext_ops { void (*enqueue)(void *, unsigned long); int (*init)(void); };
struct own_ops { void (*init)(struct sock *); };
`;

/** A program, and where it stands. */
const source = (section: string, structs: string, license = 'GPL') => `${types}
char license_text[] SEC("license") = "${license}";
SEC("${section}") int program(unsigned long long *c) { return 0; }
${structs}`;

const compiled = async (text: string): Promise<Uint8Array> => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-members-'));
  try {
    const [c, o] = [join(folder, 'a.c'), join(folder, 'a.o')];
    await writeFile(c, text);
    await runClang(['--target=bpf', '-O2', '-g', '-c', c, '-o', o], 'a struct of functions');
    return await readFile(o);
  } finally {
    await rm(folder, { recursive: true });
  }
};

const stands = (struct: string, member: string, section = '.struct_ops.link', name = 'ops') =>
  `SEC("${section}") struct ${struct} ${name} = {.${member} = (void *)program};`;

const rows: readonly (readonly [what: string, text: string, code?: string])[] = [
  ['member', source('struct_ops/init', stands('tcp_congestion_ops', 'init'))],
  ['member_without_link', source('struct_ops', stands('tcp_congestion_ops', 'init', '.struct_ops'))],
  [
    'member_that_linux_keeps',
    source('struct_ops', stands('tcp_congestion_ops', 'get_info')),
    'struct_ops_unsupported',
  ],
  ['member_that_sleeps', source('struct_ops.s', stands('sched_ext_ops', 'init'))],
  [
    'member_that_may_not_sleep',
    source('struct_ops.s', stands('sched_ext_ops', 'enqueue')),
    'struct_ops_unsupported',
  ],
  ['unknown_struct', source('struct_ops', stands('own_ops', 'init')), 'struct_ops_unsupported'],
  ['in_no_struct', source('struct_ops', ''), 'struct_ops_unsupported'],
  [
    'in_a_struct_of_no_such_section',
    source('struct_ops', stands('tcp_congestion_ops', 'init', '.data.ops')),
    'struct_ops_unsupported',
  ],
  [
    'in_two_structs',
    source(
      'struct_ops',
      stands('tcp_congestion_ops', 'init') + stands('tcp_congestion_ops', 'init', '.struct_ops.link', 'more'),
    ),
  ],
  [
    'as_two_members',
    source(
      'struct_ops',
      stands('tcp_congestion_ops', 'init') +
        stands('tcp_congestion_ops', 'release', '.struct_ops.link', 'more'),
    ),
    'struct_ops_unsupported',
  ],
  ['license_of_both', source('struct_ops', stands('tcp_congestion_ops', 'init'), 'Dual MIT/GPL')],
  ['license_of_no_gpl', source('struct_ops', stands('tcp_congestion_ops', 'init'), 'MIT'), 'unknown_section'],
];

for (const [what, text, code] of rows)
  test(what, async (t) => {
    const [row, ...more] = await verifyObject(await compiled(text), { platform: 'linux' });
    t.is(row?.error?.code, code, row?.error?.message);
    t.is(more.length, 0);
  });
