/** Objects that were built to be read for ever, or wrongly: each ends with a name, soon. */
import test from 'ava';
import { ElfError, loadFunctions, loadLinuxFunctions } from '../index.ts';
import { SHT } from './file.ts';

type Part = { name: string; type?: number; flags?: number; data?: Uint8Array; link?: number; info?: number };

const words = (...values: readonly number[]) => Buffer.from(Uint32Array.from(values).buffer);
const wide = (...values: readonly number[]) => Buffer.from(BigUint64Array.from(values, BigInt).buffer);

/** An eBPF object of these sections, behind the empty one; section names come last. */
const elf = (parts: readonly Part[], told = parts.length + 2): Buffer => {
  const all: Part[] = [...parts, { name: '.shstrtab', type: 3 }];
  const names = Buffer.from(`\0${all.map(({ name }) => `${name}\0`).join('')}`);
  const headers: Buffer[] = [Buffer.alloc(64)];
  const bodies: Buffer[] = [];
  let at = 64;
  let nameAt = 1;
  for (const { name, type = SHT.progbits, flags = 0, data = names, link = 0, info = 0 } of all) {
    headers.push(
      Buffer.concat([words(nameAt, type), wide(flags, 0, at, data.length), words(link, info), wide(8, 0)]),
    );
    nameAt += name.length + 1;
    bodies.push(Buffer.from(data), Buffer.alloc(-data.length & 7));
    at += data.length + (-data.length & 7);
  }
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.set(words(1 | (247 << 16), 1), 16);
  header.set(wide(0, 0, at), 24);
  header.set(Buffer.from(Uint16Array.of(64, 0, 0, 64, told, all.length).buffer), 52);
  return Buffer.concat([header, ...bodies, ...headers]);
};

const RETURN = wide(0xb7, 0x95);
const LOAD = wide(0x118, 0);
const CODE = 6;
const STRINGS = '\0f\0g\0m\0.ksyms\0';
const symbol = (name: string, type: number, section: number, value: number, size: number) =>
  Buffer.concat([words(STRINGS.indexOf(`\0${name}\0`) + 1, type | (section << 16)), wide(value, size)]);
const PROGRAM = 0x12; // global function
const relocation = (offset: number, type: number, to: number) =>
  Buffer.concat([wide(offset), words(type, to)]);

/** Section 1 is the program's; 2, 3 and 4 its strings, symbols and relocations. */
const object = (
  code: Uint8Array,
  symbols: readonly Buffer[] = [symbol('f', PROGRAM, 1, 0, code.length)],
  relocations: readonly Buffer[] = [],
  more: readonly Part[] = [],
) =>
  elf([
    { name: 'xdp', flags: CODE, data: code },
    { name: '.strtab', type: 3, data: Buffer.from(STRINGS) },
    { name: '.symtab', type: SHT.symtab, data: Buffer.concat([Buffer.alloc(24), ...symbols]), link: 2 },
    { name: '.relxdp', type: SHT.rel, data: Buffer.concat(relocations), link: 3, info: 1 },
    ...more,
  ]);

const type = (name: number, kind: number, count: number, value: number, ...rest: readonly number[]) =>
  words(name, (kind << 24) | count, value, ...rest);
const btf = (types: readonly Buffer[], strings = STRINGS): Part => {
  const body = Buffer.concat(types);
  const header = Buffer.concat([words(0x1eb9f, 24, 0, body.length, body.length, strings.length)]);
  return { name: '.BTF', data: Buffer.concat([header, body, Buffer.from(strings)]) };
};
const withTypes = (...types: readonly Buffer[]) => object(RETURN, undefined, [], [btf(types)]);
const repeated = <T>(count: number, make: (i: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

/** Every relocation table is this one: 100 of them make six million relocations of 1 MiB. */
const sharedTables = (): Buffer => {
  const more = repeated(
    4000,
    (i): Part => ({ name: `${i}`, type: SHT.rel, data: new Uint8Array(), info: 1 }),
  );
  const file = object(
    RETURN,
    undefined,
    repeated(60_000, () => relocation(0, 1, 1)),
    more,
  );
  const table = file.readUInt32LE(40);
  for (let i = 5; i < 105; i++)
    file.copy(file, table + i * 64 + 24, table + 4 * 64 + 24, table + 4 * 64 + 40);
  return file;
};

const manyVariables = () => {
  const variables = repeated(20_000, () => type(5, 14, 0, 2, 2));
  const places = repeated(20_000, (i) => [3 + i, 0, 0]).flat();
  const types = btf([type(1, 12, 1, 2), type(0, 13, 0, 0), ...variables, type(7, 15, 20_000, 0, ...places)]);
  const code = Buffer.concat([...repeated(5000, () => LOAD), RETURN]);
  const symbols = [symbol('f', PROGRAM, 1, 0, code.length), symbol('m', 0x10, 0, 0, 0)];
  return object(
    code,
    symbols,
    repeated(5000, (i) => relocation(16 * i, 1, 2)),
    [types],
  );
};

/** 10,000 calls of a function that stands behind 65,000 others in the types. */
const manyFunctions = () => {
  const calls = repeated(10_000, (i) => words(0x1085, 10_001 - i));
  const code = Buffer.concat([...calls, RETURN, RETURN]);
  const types = [
    ...repeated(65_000, (i) => (i % 2 ? type(0, 13, 0, 0) : type(1, 12, 1, 2))),
    type(3, 12, 1, 2),
  ];
  const symbols = [
    symbol('f', PROGRAM, 1, 0, code.length - 16),
    symbol('g', PROGRAM, 1, code.length - 16, 16),
  ];
  return object(code, symbols, [], [btf(types)]);
};

/** Section 5 is .bss, which the file only tells the size of. */
const withZeros = (bytes: number) => {
  const file = object(RETURN, undefined, [], [{ name: '.bss', type: SHT.nobits, data: new Uint8Array() }]);
  file.set(wide(bytes), file.readUInt32LE(40) + 5 * 64 + 32);
  return file;
};

const self = Buffer.concat([LOAD, RETURN]);
/** What an object is, what becomes of its programs on Linux, in their order, or of the whole. */
const hostile: readonly [what: string, codes: string, file: () => Buffer][] = [
  ['is good', 'ok', () => object(RETURN)],
  [
    'claims 65,279 sections',
    'elf_truncated',
    () => elf([{ name: 'xdp', flags: CODE, data: RETURN }], 65_279),
  ],
  ['shares its relocations 100 times', 'object_too_large', sharedTables],
  [
    'names strings past the end',
    'elf_truncated',
    () => object(RETURN, [Buffer.concat([words(0x7fffffff, PROGRAM | 65536), wide(0, 16)])]),
  ],
  ['has 20 MiB of variables that are 0', 'ok', () => withZeros(20 << 20)],
  ['has 4 GiB of variables that are 0', 'object_too_large', () => withZeros(2 ** 32)],
  [
    'has a function of no bytes',
    'ok elf_truncated',
    () => object(RETURN, [symbol('f', PROGRAM, 1, 0, 0), symbol('g', PROGRAM, 1, 16, 0)]),
  ],
  [
    'has a function within another',
    'ok ok',
    () =>
      object(Buffer.concat([RETURN, RETURN]), [
        symbol('f', PROGRAM, 1, 0, 32),
        symbol('g', PROGRAM, 1, 16, 16),
      ]),
  ],
  [
    'has a function in the middle of an instruction',
    'elf_truncated',
    () => object(RETURN, [symbol('f', PROGRAM, 1, 4, 8)]),
  ],
  ['calls itself by a relocation', 'ok', () => object(self, undefined, [relocation(0, 1, 1)])],
  [
    'takes the address of its symbols',
    'bad_relocation',
    () => object(self, [symbol('f', PROGRAM, 1, 0, 32), symbol('m', 0x11, 3, 0, 8)], [relocation(0, 1, 2)]),
  ],
  [
    'takes the address of its relocations',
    'bad_relocation',
    () => object(self, [symbol('f', PROGRAM, 1, 0, 32), symbol('m', 0x11, 4, 0, 8)], [relocation(0, 1, 2)]),
  ],
  [
    'relocates what is not there',
    'elf_truncated',
    () => object(self, undefined, [relocation(0xffffffff, 1, 1)]),
  ],
  ['types functions by themselves', 'ok', () => withTypes(type(1, 12, 1, 1))],
  ['types in a circle', 'ok', () => withTypes(type(1, 12, 1, 2), type(1, 8, 0, 3), type(1, 8, 0, 2))],
  ['has a type of 65,535 members and no room', 'bad_btf', () => withTypes(type(1, 4, 65_535, 8))],
  ['names types past the end', 'bad_btf', () => withTypes(type(0x7fffffff, 12, 1, 2), type(0, 13, 0, 0))],
  ['has a type of an unknown kind', 'bad_btf', () => withTypes(type(1, 31, 0, 0))],
  ['asks 5,000 times for one of 20,000 variables', 'ok', manyVariables],
  ['calls 10,000 times one of 65,000 functions', 'ok ok', manyFunctions],
];

/** What this process worked; the machine may do much else meanwhile. */
const LONGEST_MS = 5000;

const codesOf = (load: () => readonly ({ program: unknown } | { error: ElfError })[]): string => {
  try {
    return load()
      .map((f) => ('error' in f ? f.error.code : 'ok'))
      .join(' ');
  } catch (error) {
    if (error instanceof ElfError) return error.code;
    throw error;
  }
};

for (const [what, codes, file] of hostile)
  test.serial(`an object that ${what}: ${codes}`, (t) => {
    const bytes = file();
    const before = process.cpuUsage();
    t.is(
      codesOf(() => loadLinuxFunctions(bytes)),
      codes,
    );
    t.not(
      codesOf(() => loadFunctions(bytes)),
      '',
    ); // on the board: the same or another name, but one
    t.true(process.cpuUsage(before).user < LONGEST_MS * 1000);
  });
