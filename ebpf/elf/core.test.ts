/** CO-RE against a kernel that is made here: the BTF of another object, whose types are laid out otherwise. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compileModule, ElfError, KernelTypes, type LinuxModule } from '../index.ts';
import { Random } from '../random.ts';
import { LD_IMM64, readSlot } from '../slot.ts';
import { loadLinuxFunctions } from './index.ts';

const compileText = async (text: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-core-'));
  try {
    await writeFile(`${folder}/a.c`, text);
    return await compileModule(`${folder}/a.c`);
  } finally {
    await rm(folder, { recursive: true });
  }
};

const kernelObject = compileText(`
struct inner { long pad; int depth; };
struct thing { long moved[3]; union { struct { char a; unsigned short port; }; long all; }; struct inner in[2]; unsigned pad : 3, flags : 5; unsigned long wide; };
enum mode { MODE_OFF = 7, MODE_ON = 9 };
struct thing t; enum mode m;
__attribute__((section("xdp"))) int f(void *ctx) { return 0; }`);

const program = compileText(`
#define core __attribute__((preserve_access_index))
struct inner { int depth; } core;
struct thing { unsigned short port; struct inner in[2]; unsigned flags : 5; unsigned wide; int gone; } core;
struct thing___other { int port; } core;
struct absent { int x; } core;
enum mode { MODE_ON = 1, MODE_LOST = 2 };
#define SEC(name) __attribute__((section(name), used))
#define INFO(field, kind) __builtin_preserve_field_info(((struct thing *)0)->field, kind)
SEC("xdp/port") int port(struct thing *t) { return t->port; }
SEC("xdp/depth") int depth(struct thing *t) { return t->in[1].depth; }
SEC("xdp/wide") unsigned long wide(struct thing *t) { return t->wide; }
SEC("xdp/exists") int exists(void *c) { return INFO(port, 2) + 2 * INFO(gone, 2); }
SEC("xdp/shifts") int shifts(void *c) { return INFO(flags, 4) * 64 + INFO(flags, 5); }
SEC("xdp/on") long on(void *c) { return __builtin_preserve_enum_value(*(typeof(enum mode) *)MODE_ON, 1); }
SEC("xdp/lost") long lost(void *c) { return __builtin_preserve_enum_value(*(typeof(enum mode) *)MODE_LOST, 0); }
SEC("xdp/size") long size(void *c) { return __builtin_preserve_type_info(*(typeof(struct inner) *)0, 1); }
SEC("xdp/gone") int gone(struct thing *t) { return t->gone; }
SEC("xdp/guarded") int guarded(struct thing *t) { return INFO(gone, 2) ? t->gone : 5; }`);

const load = async () => {
  const kernel = new KernelTypes(await kernelObject);
  const functions = loadLinuxFunctions(await program, { kernel });
  return new Map(
    functions.map((f) => {
      if ('error' in f) throw f.error;
      return [f.name, f.program];
    }),
  );
};

const slotsOf = ({ code }: LinuxModule) => {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  return Array.from({ length: code.length / 8 }, (_, i) => readSlot(view, i));
};

/** Offset and opcode of the first load. */
const loadIn = (module: LinuxModule) => slotsOf(module).find((s) => (s.opcode & 7) === 1)!;
const numbersIn = (module: LinuxModule) => slotsOf(module).map((s) => s.imm);

test('fields are where the kernel has them, and as large', async (t) => {
  const programs = await load();
  t.is(loadIn(programs.get('port')!).off, 26);
  t.is(loadIn(programs.get('depth')!).off, 32 + 16 + 8);
  const wide = loadIn(programs.get('wide')!);
  t.deepEqual([wide.off, wide.opcode & 0x18], [72, 0x18]);
});

test('what there is, is told as the kernel has it', async (t) => {
  const programs = await load();
  t.true(numbersIn(programs.get('on')!).includes(9));
  t.true(numbersIn(programs.get('size')!).includes(16));
  t.true(numbersIn(programs.get('lost')!).includes(0) && !numbersIn(programs.get('lost')!).includes(1));
  t.true(numbersIn(programs.get('exists')!).includes(1));
  t.true(numbersIn(programs.get('shifts')!).includes(64 - 5));
});

test('what the kernel lacks is named at the slot that asks for it', async (t) => {
  const programs = await load();
  const gone = programs.get('gone')!;
  const [[slot, name] = [-1, '']] = gone.missing;
  t.regex(String(name), /thing\.gone/);
  t.is(slotsOf(gone)[slot]?.imm, 0xbad2310);
  t.deepEqual([...programs.get('port')!.missing], []);
});

test('types exist, and match, as libbpf sees it', async (t) => {
  const local = `
struct node { int depth; struct node *next; };
struct less { int depth; };
struct wrong { unsigned depth; };
struct lost { int depth; int more; };
enum mode { MODE_ON = 1 };
enum other { OTHER_LOST = 1 };
typedef int (*call)(struct node *, long);
typedef int (*narrow)(struct node *, int);
typedef struct node *pointer;
typedef int list[3];
typedef int longer[4];`;
  const kernel = new KernelTypes(
    await compileText(`
struct node { long pad; int depth; struct node *next; };
struct less { int depth, more; }; struct wrong { int depth; }; struct lost { int depth; };
enum mode { MODE_OFF = 1, MODE_ON = 7 }; enum other { OTHER_ON = 1 };
typedef int (*call)(struct node *, long); typedef int (*narrow)(struct node *, long);
typedef struct node *pointer; typedef int list[3]; typedef int longer[3]; typedef struct less *node_not; typedef long number;
struct node a; struct less b; struct wrong c; struct lost d; enum mode e; enum other f; call g; narrow h; pointer i; list j; longer k; number l;
__attribute__((section("xdp"))) int f0(void *ctx) { return 0; }`),
  );
  const rows: readonly (readonly [type: string, exists: number, matches: number])[] = [
    ['struct node', 1, 1],
    ['struct less', 1, 1],
    ['struct wrong', 1, 0],
    ['struct lost', 1, 0],
    ['enum mode', 1, 1],
    ['enum other', 1, 0],
    ['call', 1, 1],
    ['narrow', 1, 0],
    ['pointer', 1, 1],
    ['list', 1, 1],
    ['longer', 1, 0],
    ['struct absent', 0, 0],
    ['number', 0, 0],
  ];
  const ask = (type: string, i: number) =>
    `__attribute__((section("xdp/q${i}"), used)) long q${i}(void *c) { return 100 + __builtin_preserve_type_info(*(typeof(${type}) *)0, 0) + 10 * __builtin_preserve_type_info(*(typeof(${type}) *)0, 2); }`;
  const text = `${local}\nstruct absent { int x; };\ntypedef struct node *number;\n${rows.map(([type], i) => ask(type, i)).join('\n')}`;
  for (const f of loadLinuxFunctions(await compileText(text), { kernel })) {
    if ('error' in f) throw f.error;
    const [type, exists, matches] = rows[Number(f.name.slice(1))]!;
    const relocated = slotsOf(f.program)
      .filter(({ opcode }) => opcode === 0x18 || opcode === 0xb7)
      .map(({ imm }) => imm)
      .filter((imm) => imm === 0 || imm === 1);
    t.deepEqual([type, ...relocated.sort()], [type, ...[exists, matches].sort()]);
  }
});

test('variables that each processor has are as the kernel has them', async (t) => {
  const variables = compileText(`
#define SEC(name) __attribute__((section(name), used))
extern const int queue __attribute__((section(".ksyms"))), lost __attribute__((section(".ksyms"))), optional __attribute__((section(".ksyms"), weak));
SEC("xdp/has") long has(void *c) { return (long)&queue; }
SEC("xdp/lacks") long lacks(void *c) { return (long)&lost; }
SEC("xdp/asks") long asks(void *c) { return (long)&optional; }`);
  const kernel = new KernelTypes(
    await compileText(
      'struct { long clock; } queue; __attribute__((section("xdp"))) int f(void *c) { return 0; }',
    ),
  );
  const loaded = async (options: object) =>
    loadLinuxFunctions(await variables, options).flatMap((f) => ('error' in f ? [] : [f.program]));
  const [has, lacks, asks] = await loaded({ kernel });
  t.deepEqual([...has!.notes.values()], [4 * 1]); // a struct there
  t.regex(String([...lacks!.missing.values()][0]), /lost/);
  t.deepEqual([[...asks!.notes], numbersIn(asks!).slice(0, 2)], [[], [0, 0]]);
  const [unnamed] = await loaded({});
  t.deepEqual([...unnamed!.notes.values()], [4 * 4]); // four bytes, as the program says
});

test('functions of the kernel that are not known here have addresses', async (t) => {
  const asking = compileText(`
#define KSYM __attribute__((section(".ksyms")))
extern int has(void) KSYM, lacks(void) KSYM;
extern int may_have(void) KSYM __attribute__((weak));
#define ASK(name) __attribute__((section("raw_tp/" #name), used)) long ask_##name(void **c) { return *c == (void *)name; }
ASK(has) ASK(lacks) ASK(may_have)
__attribute__((section("raw_tp/calls"), used)) long calls(void **c) { return may_have ? may_have() : has(); }`);
  const kernel = new KernelTypes(
    await compileText('__attribute__((section("xdp"))) int has(void *c) { return 0; }'),
  );
  const said = new Map(
    loadLinuxFunctions(await asking, { kernel }).flatMap((f) => ('error' in f ? [] : [[f.name, f.program]])),
  );
  const loads = (name: string) => slotsOf(said.get(name)!).find(({ opcode }) => opcode === LD_IMM64)!.imm;
  const missing = (name: string) => String([...said.get(name)!.missing.values()]);
  t.deepEqual([loads('ask_has'), missing('ask_has')], [-0x7f00_0000, '']);
  t.regex(missing('ask_lacks'), /lacks/);
  t.deepEqual([loads('ask_may_have'), missing('ask_may_have')], [0, '']);
  t.regex(missing('calls'), /may_have.*has/);
});

test('any bytes as the types of a kernel are taken or refused', async (t) => {
  const object = await kernelObject;
  const code = await program;
  const random = new Random(11);
  const at = Buffer.from(object).indexOf(Buffer.from([0x9f, 0xeb, 1, 0]));
  for (let round = 0; round < 400; round++) {
    const bytes = Uint8Array.from(object.subarray(at));
    for (let i = 1 + random.below(5); i > 0; i--)
      bytes[random.below(Math.min(1200, bytes.length))] = random.below(256);
    try {
      loadLinuxFunctions(code, { kernel: new KernelTypes(bytes) });
    } catch (error) {
      t.true(error instanceof ElfError, String(error));
    }
  }
  t.pass();
});
