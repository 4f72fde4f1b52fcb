import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compileModule, loadLinuxFunctions } from '../index.ts';

const DEPTH = 8;
const POINTERS = 10;

/** Each struct owns the next one POINTERS times. */
const structs = Array.from({ length: DEPTH }, (_, i) => {
  const level = DEPTH - i;
  const next = `struct own${level + 1} __attribute__((btf_type_tag("kptr"))) *`;
  const pointers = Array.from({ length: POINTERS }, (_, p) => `${next}p${p};`).join(' ');
  return `struct own${level} { struct bpf_list_node node; ${level === DEPTH ? 'long p0;' : pointers} } o${level};`;
});

/** A program with a list of `own1`, which names all that are defined. */
const source = (defined: string, used: string) => `
#define SEC(name) __attribute__((section(name), used))
struct bpf_spin_lock { unsigned val; };
struct bpf_list_head { unsigned long long __opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { unsigned long long __opaque[3]; } __attribute__((aligned(8)));
${defined}
struct value {
  struct bpf_spin_lock lock;
  struct bpf_list_head head __attribute__((btf_decl_tag("contains:own1:node")));
};
struct { int (*type)[2]; int (*max_entries)[1]; int *key; struct value *value; } lists SEC(".maps");
static void *(*const look)(void *map, const void *key) = (void *)1;
SEC("tc") int f(void *c) { int k = 0; return look(&lists, &k) != 0 && (${used}); }
`;

const read = async (text: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-own-'));
  try {
    await writeFile(`${folder}/a.c`, text);
    const [f] = loadLinuxFunctions(await compileModule(`${folder}/a.c`), {});
    if (!f || 'error' in f) throw f?.error ?? new Error('no function');
    return { own: f.program.own ?? [], kinds: f.program.maps[0]!.fields?.map(({ kind }) => kind) };
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('types that own each other many times are looked into once', async (t) => {
  t.timeout(60_000);
  const used = structs.map((_, i) => `o${i + 1}.p0`).join(' || ');
  const { own, kinds } = await read(source(structs.join('\n'), used));
  t.is(own.length, DEPTH);
  t.deepEqual(kinds, ['lock', 'list']);
});

test('a type with two thousand million members without a byte is none to make objects of', async (t) => {
  t.timeout(60_000);
  const own = 'struct own1 { struct bpf_list_node node; struct { } none[0x7fffffff]; long last; } o1;';
  const { own: found, kinds } = await read(source(own, 'o1.last'));
  t.deepEqual(found, []);
  t.deepEqual(kinds, ['lock', 'opaque']);
});

test('a type with thousands of members that each have as many is looked into for a while only', async (t) => {
  t.timeout(60_000);
  const many = (type: string, letter: string) =>
    Array.from({ length: 2000 }, (_, i) => `${type} ${letter}${i};`).join(' ');
  const { own } = await read(`
#define SEC(name) __attribute__((section(name), used))
struct none { };
struct inner { ${many('struct none', 'i')} };
struct middle { ${many('struct inner', 'm')} };
struct outer { ${many('struct middle', 'o')} long last; };
struct value { struct outer __attribute__((btf_type_tag("percpu_kptr"))) *each; };
struct { int (*type)[2]; int (*max_entries)[1]; int *key; struct value *value; } kept SEC(".maps");
static void *(*const look)(void *map, const void *key) = (void *)1;
SEC("tc") int f(void *c) { int k = 0; return look(&kept, &k) != 0; }
`);
  t.deepEqual(own, []);
});
