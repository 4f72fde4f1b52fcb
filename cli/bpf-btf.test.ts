/** `velocity bpf verify --btf`: an object of one kernel judged for others, whose types are laid out otherwise. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compileModule } from '../ebpf/index.ts';
import { jsonLines, temporaryFolder, velocity } from './test/command-line.ts';

type Row = {
  readonly function: string;
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly line?: number; readonly message: string };
};

const folder = temporaryFolder();

/** A compiled object in a file. */
const objectFile = async (name: string, text: string) => {
  const source = join(folder, `${name}.c`);
  writeFileSync(source, text);
  const object = join(folder, `${name}.o`);
  writeFileSync(object, await compileModule(source));
  return object;
};

const program = objectFile(
  'program',
  `struct { int (*type)[2]; unsigned *key; char (*value)[32]; int (*max_entries)[1]; } records __attribute__((section(".maps")));
static void *(*const lookup)(void *, const void *) = (void *)1;
struct record { unsigned short port; } __attribute__((preserve_access_index));
static inline struct record *first(void) { unsigned zero = 0; return lookup(&records, &zero); }
#define XDP __attribute__((section("xdp"), used)) int
XDP port(void *context) {
    struct record *r = first();
    return r ? r->port : 0;
}
XDP asked(void *context) {
    struct record *r = first();
    return r && __builtin_preserve_field_info(r->port, 2) ? r->port : 0;
}`,
);

/** The types of a kernel whose record is this. */
const kernel = (name: string, members: string) =>
  objectFile(
    name,
    `struct record { ${members} }; struct record r;\n__attribute__((section("xdp"))) int f(void *c) { return 0; }`,
  );

const judged = async (...options: string[]) => {
  const result = await velocity('bpf', 'verify', await program, '--platform', 'linux', '--json', ...options);
  const rows = jsonLines(result).filter((line) => 'function' in line) as Row[];
  return { exit: result.exit, rows: new Map(rows.map((row) => [row.function, row])) };
};

test('without a kernel the types that the object was compiled with hold', async (t) => {
  const { exit, rows } = await judged();
  t.is(exit, 0);
  t.deepEqual(
    [...rows.values()].map((row) => row.ok),
    [true, true],
  );
});

test('a field that was moved within the record is found', async (t) => {
  const { exit, rows } = await judged('--btf', await kernel('near', 'char pad[24]; unsigned short port;'));
  t.is(exit, 0);
  t.deepEqual(
    [...rows.values()].map((row) => row.ok),
    [true, true],
  );
});

test('a field that was moved behind the value is refused where it is read', async (t) => {
  const { exit, rows } = await judged('--btf', await kernel('far', 'char pad[40]; unsigned short port;'));
  t.not(exit, 0);
  for (const [name, line] of [
    ['port', 8],
    ['asked', 12],
  ] as const) {
    const { error } = rows.get(name)!;
    t.is(error?.code, 'map_value_out_of_bounds', name);
    t.is(error?.line, line, name);
    t.regex(error!.message, /\[40,42\)/);
  }
});

test('a field that was renamed is named where it is read, and harms nobody who asked first', async (t) => {
  const { exit, rows } = await judged('--btf', await kernel('renamed', 'unsigned short door;'));
  t.not(exit, 0);
  const { error } = rows.get('port')!;
  t.is(error?.code, 'core_unsupported');
  t.is(error?.line, 8);
  t.regex(error!.message, /record\.port/);
  t.true(rows.get('asked')!.ok);
});

test('what holds no types is refused as such', async (t) => {
  const file = join(folder, 'nothing.o');
  writeFileSync(file, 'no types');
  const { exit, rows } = await judged('--btf', file);
  t.not(exit, 0);
  t.is(rows.size, 0);
});
