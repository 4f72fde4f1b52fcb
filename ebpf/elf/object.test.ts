import { fileURLToPath } from 'node:url';
import test from 'ava';
import { mapTypes } from '../../abi/index.ts';
import { compileModule, disassemble, ElfError, loadFunctions, loadObject, programHash } from '../index.ts';

const source = (name: string) => fileURLToPath(new URL(`../testdata/${name}`, import.meta.url));
const linking = compileModule(source('linking.c'));
const compileText = async (text: string, cpu: 'v1' | 'v4' = 'v4') => {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const folder = await mkdtemp('/tmp/velocity-elf-');
  try {
    await writeFile(`${folder}/a.c`, `#include "velocity.h"\n${text}`);
    return await compileModule(`${folder}/a.c`, { cpu });
  } finally {
    await rm(folder, { recursive: true });
  }
};

const map = (name: string, type: number, sizes: [number, number, number], flags = 0) => ({
  name,
  type,
  keySize: sizes[0],
  valueSize: sizes[1],
  maxEntries: sizes[2],
  flags,
});

test('programs by section, with hook and name', async (t) => {
  const { programs } = loadObject(await linking);
  t.deepEqual(
    programs.map((p) => [p.name, p.section, p.hook, p.hookId]),
    [
      ['first', 'timer/first', 'timer', 1],
      ['second', 'timer/second', 'timer', 1],
      ['third', 'xdp', 'packet', 2],
    ],
  );
});

test('maps in BTF form, legacy form, and data sections', async (t) => {
  const { programs, maps } = loadObject(await linking, { name: 'linking' });
  const bss = map('linking.bss', mapTypes.array, [4, 32, 1]);
  const data = {
    ...map('linking.data', mapTypes.array, [4, 4, 1]),
    init: Uint8Array.of(0x78, 0x56, 0x34, 0x12),
  };
  const rodata = {
    ...map('linking.rodata', mapTypes.array, [4, 12, 1], 0x80),
    init: Uint8Array.of(1, 0, 2, 0, 3, 0, 0, 0, 9, 0, 0, 0),
  };
  const old = map('old_map', mapTypes.hash, [4, 16, 33]);
  const fresh = map('new_map', mapTypes.percpu_array, [4, 48, 3], 0x80);
  const byName = (list: readonly { name: string }[]) =>
    [...list].sort((a, b) => a.name.localeCompare(b.name));
  t.deepEqual(byName(programs[0]!.maps), byName([bss, data, rodata]));
  t.deepEqual(byName(programs[1]!.maps), byName([bss, fresh, old]));
  t.deepEqual(
    byName(maps),
    byName([bss, data, rodata, fresh, old, map('sized_map', mapTypes.hash, [6, 5, 7])]),
  );
});

test('local functions are linked in once, behind the program', async (t) => {
  const { programs } = loadObject(await linking);
  const code = disassemble(programs[0]!.code);
  const calls = code.filter((l) => l.text.startsWith('call local'));
  const exits = code.filter((l) => l.text === 'exit').map((l) => l.slot);
  t.is(exits.length, 3);
  t.is(calls.length, 3);
  for (const call of calls) t.true(exits.some((slot) => slot + 1 === call.target));
});

test('a global variable is its offset in the value of its map', async (t) => {
  const { programs } = loadObject(await linking, { name: 'linking' });
  const texts = disassemble(programs[0]!.code).map((l) => l.text);
  const index = programs[0]!.maps.findIndex((m) => m.name === 'linking.rodata');
  t.true(
    texts.some((text) => text.endsWith(`= map_value ${index} + 0x8 ll`)),
    texts.join('\n'),
  );
});

test('each slot knows its line of C', async (t) => {
  const { programs } = loadObject(await linking);
  t.is(programs[2]!.lines!.length, programs[2]!.code.length / 8);
  for (const line of programs[2]!.lines!) {
    t.regex(line!.file, /linking\.c$/);
    t.regex(line!.text, /ctx->len > 60/);
  }
});

test('the program hash depends on hook, code, and each part of each map', async (t) => {
  const { programs } = loadObject(await linking);
  const p = programs[1]!;
  const [m] = p.maps;
  const mapAsCode = Buffer.alloc(56);
  mapAsCode.write(m!.name);
  for (const [i, n] of [m!.type, m!.keySize, m!.valueSize, m!.maxEntries, m!.flags].entries())
    mapAsCode.writeUInt32LE(n, 32 + 4 * i);
  const variants = [
    programHash(p.hookId, p.code, [{ ...m!, init: new Uint8Array() }]),
    programHash(p.hookId, Buffer.concat([p.code, mapAsCode]), []),
    programHash(p.hookId, p.code, p.maps),
    programHash(p.hookId + 1, p.code, p.maps),
    programHash(p.hookId, p.code.subarray(8), p.maps),
    ...(['keySize', 'valueSize', 'maxEntries', 'type', 'flags'] as const).map((key) =>
      programHash(p.hookId, p.code, [{ ...m!, [key]: m![key] + 1 }]),
    ),
    programHash(p.hookId, p.code, [{ ...m!, name: `${m!.name}x` }]),
    programHash(p.hookId, p.code, [{ ...m!, init: new Uint8Array(4) }]),
  ].map((h) => Buffer.from(h).toString('hex'));
  t.is(new Set(variants).size, variants.length);
  t.is(variants[0]!.length, 64);
});

const code = (status: string) => (error: unknown) => error instanceof ElfError && error.code === status;
const timer = (body: string, before = '') =>
  `${before}\nSEC("timer") uint64_t f(struct timer_context *ctx) { ${body} }`;
const mapOf = (fields: string) =>
  timer(
    'uint32_t key = 0; return (uint64_t)bpf_map_lookup_elem(&m, &key);',
    `struct { ${fields} } m SEC(".maps");`,
  );

const refusals: [string, string, string][] = [
  ['a file of another section', 'unknown_section', 'SEC("kprobe/x") int f(void *c) { return 0; }'],
  ['no program', 'no_program', 'int f(void *c) { return 0; }'],
  ['an undefined variable', 'unresolved_symbol', timer('return missing;', 'extern int missing;')],
  ['an undefined function', 'unresolved_symbol', timer('return missing(1);', 'extern int missing(int);')],
  ['a map of another type', 'bad_map_definition', mapOf('__uint(type, 29); __uint(max_entries, 4096);')],
  [
    'a ring buffer of a size that is no power of two',
    'bad_map_definition',
    mapOf('__uint(type, 27); __uint(max_entries, 96);'),
  ],
  [
    'a hash that is allocated as it fills, as Linux has it',
    'bad_map_definition',
    mapOf(
      '__uint(type, 1); __uint(map_flags, 1); __uint(key_size, 4); __uint(value_size, 8); __uint(max_entries, 4);',
    ),
  ],
  [
    'a hash with a key of 65 bytes',
    'bad_map_definition',
    mapOf('__uint(type, 1); __uint(key_size, 65); __uint(value_size, 8); __uint(max_entries, 4);'),
  ],
  [
    'a hash with a value of 2049 bytes',
    'bad_map_definition',
    mapOf('__uint(type, 1); __uint(key_size, 4); __uint(value_size, 2049); __uint(max_entries, 4);'),
  ],
  [
    'an array of more than 4 MiB',
    'bad_map_definition',
    mapOf('__uint(type, 2); __uint(key_size, 4); __uint(value_size, 8); __uint(max_entries, 600000);'),
  ],
  [
    'a ring buffer of more than 4 MiB',
    'bad_map_definition',
    mapOf('__uint(type, 27); __uint(max_entries, 8388608);'),
  ],
  ['a ring buffer without size', 'bad_map_definition', mapOf('__uint(type, 27);')],
  [
    'a ring buffer with keys',
    'bad_map_definition',
    mapOf('__uint(type, 27); __uint(max_entries, 64); __type(key, int);'),
  ],
  [
    'a ring buffer with flags',
    'bad_map_definition',
    mapOf('__uint(type, 27); __uint(max_entries, 64); __uint(map_flags, 128);'),
  ],
  ['a map without size', 'bad_map_definition', mapOf('__uint(type, 1); __uint(max_entries, 4);')],
  ['a map field that is not known', 'bad_map_definition', mapOf('__uint(type, 1); __uint(colour, 4);')],
  [
    'an array with an 8-byte key',
    'bad_map_definition',
    mapOf('__uint(type, 2); __uint(max_entries, 4); __type(key, uint64_t); __type(value, int);'),
  ],
  [
    'too many maps',
    'too_many_maps',
    timer(
      `uint32_t k = 0; ${Array.from({ length: 17 }, (_, i) => `bpf_map_delete_elem(&m${i}, &k);`).join(' ')} return 0;`,
      Array.from(
        { length: 17 },
        (_, i) =>
          `struct { __uint(type, 1); __uint(max_entries, 4); __type(key, int); __type(value, int); } m${i} SEC(".maps");`,
      ).join('\n'),
    ),
  ],
  [
    'CO-RE',
    'core_unsupported',
    timer(
      'return __builtin_preserve_access_index(((struct s *)ctx)->b);',
      'struct s { int a; int b; } __attribute__((preserve_access_index));',
    ),
  ],
];

for (const [what, status, text] of refusals)
  test(`refuses ${what}: ${status}`, async (t) => {
    const file = await compileText(text);
    t.true(code(status)(t.throws(() => loadObject(file))), String(t.throws(() => loadObject(file))));
  });

test('one bad function does not hide the others', async (t) => {
  const file = await compileText(
    `${timer('return ctx->tick;')}\nSEC("kprobe/x") int g(void *c) { return 0; }`,
  );
  const rows = loadFunctions(file);
  t.deepEqual(
    rows.map((r) => [r.name, 'error' in r ? r.error.code : 'ok']),
    [
      ['f', 'ok'],
      ['g', 'unknown_section'],
    ],
  );
});

test('many overlapping functions end with a name, soon', async (t) => {
  // 200 functions that all reach to the end of one section of 32,000 instructions.
  const text = [
    '.section timer,"ax",@progbits',
    ...Array.from({ length: 200 }, (_, i) => `.globl f${i}\n.type f${i},@function\nf${i}: r0 = ${i}`),
    ...Array.from({ length: 32000 }, () => 'r0 += 1'),
    'exit',
    'end:',
    ...Array.from({ length: 200 }, (_, i) => `.size f${i}, end-f${i}`),
  ].join('\n');
  const { execFileSync } = await import('node:child_process');
  const file = execFileSync('llvm-mc-19', ['--arch=bpf', '-filetype=obj', '-'], { input: text });
  const before = process.cpuUsage();
  const rows = loadFunctions(file);
  t.true(process.cpuUsage(before).user < 5_000_000);
  t.is(rows.length, 200);
  t.true('program' in rows[0]!);
  t.true('error' in rows[199]! && rows[199].error.code === 'object_too_large');
});

test('a section without symbols is one program', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const input = '.section timer/x,"ax",@progbits\nr0 = 1\nexit\n';
  const file = execFileSync('llvm-mc-19', ['--arch=bpf', '-filetype=obj', '-'], { input });
  t.like(loadObject(file).programs[0], { name: 'timer/x', hook: 'timer' });
});

test('refuses what is not an eBPF object by name', async (t) => {
  const file = await linking;
  const patched = (at: number, value: number) => {
    const copy = file.slice();
    copy[at] = value;
    return copy;
  };
  t.true(code('not_elf')(t.throws(() => loadObject(new Uint8Array()))));
  t.true(code('not_elf')(t.throws(() => loadObject(patched(0, 0x7e)))));
  t.true(code('not_bpf')(t.throws(() => loadObject(patched(18, 0x3e)))));
  t.true(code('elf_truncated')(t.throws(() => loadObject(file.subarray(0, 63)))));
  t.true(code('elf_truncated')(t.throws(() => loadObject(file.subarray(0, file.length - 1)))));
});
