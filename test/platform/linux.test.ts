import { execFileSync } from 'node:child_process';
import test from 'ava';
import { HOST_PROGRAM_INSNS, linuxTypeOf, mapLimits } from '../../abi/index.ts';
import { jitObject, loadHost, type VerifyRow, verifyObject } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { CPUS, type Cpu, compile, sources, sourceText } from './compile.ts';
import { instructionsOf, marks, readInstructions } from './expectation.ts';

const judge = async (name: string, cpu: Cpu) =>
  verifyObject(await compile(name, cpu), { file: name, platform: 'linux' });

const verdict = (row: VerifyRow) => (row.error ? { code: row.error.code, line: row.error.line } : undefined);
const told = (expected: { code: string; line: number } | undefined) => expected;

const names = await sources();
const instructions = await readInstructions();

/** Building it would count as time of the first program. */
test.before(async (t) => {
  t.timeout(300_000);
  await loadHost();
});

for (const name of names)
  for (const cpu of CPUS)
    test(`${name} for ${cpu}: good programs are accepted, their bad twins refused at the marked line`, async (t) => {
      const rows = await judge(name, cpu);
      const expected = marks(await sourceText(name));
      t.is(rows.length, expected.size);
      for (const row of rows) {
        t.deepEqual(verdict(row), told(expected.get(row.function)), `${row.function}: ${row.error?.message}`);
        if (row.ok) t.true(row.bound_insns! > 0 && row.infer_ms! >= 0);
      }
      t.deepEqual(instructionsOf(rows), instructions[name]![cpu]!);
    });

test('every good program has a bad twin', async (t) => {
  let pairs = 0;
  for (const name of names) {
    const expected = marks(await sourceText(name));
    for (const [program, refusal] of expected) {
      const twin = program.replace(/^(good|bad)/, (kind) => (kind === 'good' ? 'bad' : 'good'));
      t.true(expected.has(twin), program);
      t.is(refusal === undefined, program.startsWith('good'), program);
    }
    pairs += expected.size / 2;
  }
  t.true(pairs >= 25, `${pairs}`);
});

test('a section stands for the longest part of its name that has a type', (t) => {
  const rows: [string, string, string?][] = [
    ['xdp', 'xdp'],
    ['xdp/anything', 'xdp'],
    ['tracepoint/a/b', 'tracepoint'],
    ['kretprobe/f', 'kprobe'],
    ['raw_tracepoint/x', 'raw_tracepoint'],
    ['cgroup/bind4', 'cgroup_bind'],
    ['cgroup_skb/egress', 'cgroup_skb_egress'],
    ['?sk_msg/x', 'sk_msg'],
    ['fentry/f', 'tracing_entry'],
    ['struct_ops/f', 'typed'],
    ['2/7', 'sched_cls'],
    ['2/7', 'xdp', 'bpf_xdp.o'],
    ['xdp_prog', 'xdp'],
    ['tc_mark', 'sched_cls', 'xdp2skb.o'],
  ];
  for (const [section, type, file] of rows) t.is(linuxTypeOf(section, file), type as never, section);
});

const assemble = (text: string) =>
  execFileSync('llvm-mc-19', ['--arch=bpf', '-mcpu=v3', '-filetype=obj', '-'], {
    input: text,
    maxBuffer: 1 << 28,
  });
const codes = async (object: Uint8Array) => {
  const rows = await verifyObject(object, { platform: 'linux' });
  return rows.map((row) => row.error?.code ?? 'ok');
};
const only = (text: string) => codes(assemble(text));

test('a section filter is a socket filter, or a classifier', async (t) => {
  const reading = (offset: number) =>
    `.section filter,"ax",@progbits\nr0 = *(u32 *)(r1 + ${offset})\nr0 = 0\nexit\n`;
  const typesOf = async (text: string) => {
    const rows = await verifyObject(assemble(text), { platform: 'linux' });
    return rows.map((row) => `${row.type} ${row.error?.code ?? 'ok'}`);
  };
  t.deepEqual(await typesOf(reading(0)), ['socket_filter ok']);
  t.deepEqual(await typesOf(reading(80)), ['sched_cls ok']);
  t.deepEqual(await typesOf(reading(192)), ['socket_filter context_out_of_bounds']);
  const [row] = await jitObject(assemble(reading(80)), { platform: 'linux' });
  t.true(row!.result.ok);
});

test('a section whose name says nothing is of the first type that takes its program', async (t) => {
  const calling = (helper: number) =>
    `.section encap,"ax",@progbits\nr2 = 1\nr3 = r10\nr3 += -8\n*(u64 *)(r3 + 0) = 0\nr4 = 8\ncall ${helper}\nr0 = 0\nexit\n`;
  const typesOf = async (text: string, file?: string) => {
    const rows = await verifyObject(assemble(text), { platform: 'linux', ...(file ? { file } : {}) });
    return rows.map((row) => `${row.type} ${row.error?.code ?? 'ok'}`);
  };
  t.deepEqual(await typesOf(calling(73)), ['lwt_xmit ok']);
  t.deepEqual(await typesOf(calling(4000)), ['sched_cls unknown_helper']);
  const queue = '.section t,"ax",@progbits\nr0 = *(u32 *)(r1 + 80)\nr0 = 0\nexit\n';
  t.deepEqual(await typesOf(queue, 'xdp_meta.o'), ['sched_cls ok']);
});

/** Helper 4 of Linux is bpf_probe_read(), which the board lacks between others that it has. */
test('a helper with a number that the board skips is called like any other, with its arguments', async (t) => {
  const calling = (helper: number) =>
    `.section kprobe,"ax",@progbits\nr3 = *(u64 *)(r1 + 0)\nr1 = r10\nr1 += -8\nr2 = 8\ncall ${helper}\nr0 = *(u64 *)(r10 - 8)\nexit\n.section license,"aw",@progbits\n.asciz "GPL"\n`;
  const wordsOf = async (helper: number) => {
    const [row] = await jitObject(assemble(calling(helper)), { platform: 'linux' });
    return row!.result.ok ? [...row!.result.words] : [];
  };
  const isCall = (word: number) => word >>> 26 === 0x25;
  const [four, beyond] = [await wordsOf(4), await wordsOf(113)]; // probe_read_kernel() takes the same
  t.is(four.filter(isCall).length, 1);
  t.deepEqual(
    four.filter((word) => !isCall(word)),
    beyond.filter((word) => !isCall(word)),
  );
});

test('what is typed by the kernel is refused by name', async (t) => {
  t.deepEqual(await only('.section "struct_ops/f","ax",@progbits\nr0 = 0\nexit\n'), [
    'struct_ops_unsupported',
  ]);
  t.deepEqual(await only('.section xdp,"ax",@progbits\ncall 4000\nexit\n'), ['unknown_helper']);
});

test('programs with an arena are compiled, and data in one needs its map', async (t) => {
  const rows = await jitObject(await compile('arena', 'v4'), { platform: 'linux' });
  const codesOf = rows.map(({ function: name, result }) => [name, result.ok ? 'ok' : result.error.code]);
  t.deepEqual(
    codesOf.filter(([name]) => name!.startsWith('good')),
    ['good_pages', 'good_shared', 'good_index'].map((name) => [name, 'ok']),
  );
  const alone =
    '.section xdp,"ax",@progbits\nr1 = there ll\nr0 = 0\nexit\n.section .addr_space.1,"aw",@progbits\nthere: .quad 0\n';
  t.deepEqual(await only(alone), ['arena_unsupported']);
});

test('variables of programs for Linux may be larger than a map of a board', async (t) => {
  const reads = '.section xdp,"ax",@progbits\nr1 = large ll\nr0 = *(u8 *)(r1 + 0)\nexit\n';
  const zeros = `.section .bss,"aw",@nobits\nlarge: .zero ${mapLimits.bytes_max + 1}\n`;
  t.deepEqual(await only(reads + zeros), ['ok']);
});

test('the hooks of the board are not those of Linux, nor the other way round', async (t) => {
  const text = (section: string) => `.section ${section},"ax",@progbits\nr0 = 0\nexit\n`;
  t.deepEqual(await only(text('xdp')), ['ok']);
  const board = await verifyObject(assemble(text('"tracepoint/x"')));
  t.deepEqual(
    board.map((row) => row.error?.code),
    ['unknown_section'],
  );
});

/** Numbers that nothing bounds, held apart by branches: 2^n ways that never merge. */
const exponential = (n: number) =>
  [
    '.section kprobe,"ax",@progbits',
    'r6 = r1',
    'r7 = 0',
    ...Array.from({ length: n }, (_, i) => [
      `r1 = *(u64 *)(r6 + ${(i % 20) * 8})`,
      `if r1 s> ${i} goto a${i}`,
      `r7 += ${1 << (i % 24)}`,
      `a${i}:`,
      `*(u64 *)(r10 - ${8 + (i % 60) * 8}) = r7`,
    ]).flat(),
    'loop:',
    'r7 *= 3',
    'r7 += 1',
    'if r7 != 5 goto loop',
    'r0 = 0',
    'exit',
  ].join('\n');

/** What this process worked; the machine may do much else meanwhile. */
const cpuMsSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

test('a refusal for the time that it took names the instruction where most of it went', async (t) => {
  const text = '.section xdp,"ax",@progbits\nr0 = 0\nr1 = 0\nagain: r1 += 2\nif r1 != 5 goto again\nexit';
  const [row] = await verifyObject(assemble(text), { platform: 'linux', stepBudget: 20_000 });
  t.is(row!.error!.code, 'budget_exceeded');
  t.is(row!.error!.insn, 2);
  t.regex(row!.error!.message, /^20000 instructions walked, this one most often:/);
});

test('an object for Linux is refused in no words of the board', async (t) => {
  const body = Array.from({ length: HOST_PROGRAM_INSNS }, () => 'r0 = 0').join('\n');
  for (const text of [`${body}\nexit`, 'call 4000\nexit']) {
    const [row] = await verifyObject(assemble(`.section xdp,"ax",@progbits\n${text}`), { platform: 'linux' });
    t.false(row!.ok);
    t.notRegex(row!.error!.message, /board/);
  }
});

test.serial('a program that can not be decided ends with a name, in time', async (t) => {
  for (const n of [4, 40, 400, 4000]) {
    const object = assemble(exponential(n));
    const before = process.cpuUsage();
    const [code] = await codes(object);
    t.true(['budget_exceeded', 'too_many_states', 'unbounded_loop'].includes(code!), code);
    t.true(cpuMsSince(before) < 10_000, `${n}: ${cpuMsSince(before)} ms`);
  }
});

test.serial('a program at the limit of length takes no long time', async (t) => {
  const body = Array.from({ length: HOST_PROGRAM_INSNS - 2 }, (_, i) =>
    i % 2 ? 'r0 += 1' : `if r0 == ${i} goto +0`,
  );
  const object = assemble(['.section xdp,"ax",@progbits', 'r0 = 0', ...body, 'exit'].join('\n'));
  const before = process.cpuUsage();
  const [row] = await verifyObject(object, { platform: 'linux', wallMs: 600_000 }); // the machine may be busy
  t.is(row?.error?.code, undefined);
  t.true(cpuMsSince(before) < 10_000);
});

test('what the last instructions of a long program hold has their numbers', async (t) => {
  const body = Array.from({ length: HOST_PROGRAM_INSNS - 13 }, () => 'r0 = 0').join('\n');
  const lookup = 'r3 = 12\nr4 = -1\nr5 = 0\ncall 84\nr0 = 0\nexit';
  const tuple = 'r2 = r10\nr2 += -16\n*(u64 *)(r2 + 0) = 0\n*(u64 *)(r2 + 8) = 0';
  const [row] = await verifyObject(assemble(`.section xdp,"ax",@progbits\n${body}\n${tuple}\n${lookup}`), {
    platform: 'linux',
  });
  t.is(row!.error!.code, 'reference_leak');
  t.regex(row!.error!.message, new RegExp(`^what instruction ${HOST_PROGRAM_INSNS - 6} acquired is held`));
});

test.serial('jumps that lead backward one by one end with a name, soon', async (t) => {
  const blocks = Array.from({ length: 15_000 }, (_, i) => `x${i}: r0 += 1\n${i ? `goto x${i - 1}` : 'exit'}`);
  const object = assemble(['.section xdp,"ax",@progbits', 'r0 = 0', 'goto x14999', ...blocks].join('\n'));
  const before = process.cpuUsage();
  t.deepEqual(await codes(object), ['budget_exceeded']);
  t.true(cpuMsSince(before) < 5000);
});

test.serial('mutated objects give rows and nothing else, in bounded time', async (t) => {
  const random = new Random(5);
  const file = await compile('sockets', 'v3');
  let refused = 0;
  for (let round = 0; round < 150; round++) {
    const copy = Uint8Array.from(round % 9 === 0 ? file.subarray(0, random.below(file.length)) : file);
    for (let i = 0; i <= round % 7; i++)
      copy[random.below(Math.max(1, copy.length))] = random.once(3) ? 255 : random.below(256);
    const before = process.cpuUsage();
    const rows = await verifyObject(copy, { platform: 'linux' });
    refused += rows.filter((row) => !row.ok).length;
    t.true(rows.every((row) => row.ok || row.error!.code !== 'unknown'));
    t.true(cpuMsSince(before) < 10_000);
  }
  t.true(refused > 150);
});

test('a refusal names helpers as Linux does, and only registers that say something', async (t) => {
  const object = assemble('.section kprobe,"ax",@progbits\nr2 = 4\ncall 44\nr0 = 0\nexit');
  const [row] = await verifyObject(object, { platform: 'linux' });
  t.regex(row!.error!.message, /^bpf_xdp_adjust_head is not for programs of this type/);
  t.deepEqual(row!.error!.registers, { r1: 'context', r2: '4' });
  const [unknown] = await verifyObject(assemble('.section kprobe,"ax",@progbits\ncall 116\nr0 = 0\nexit'), {
    platform: 'linux',
  });
  t.regex(unknown!.error!.message, /^bpf_tcp_send_ack is not for programs of this type/);
});
