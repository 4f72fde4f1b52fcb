import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { AssemblyError, assemble, disassemble, disassembleText } from './index.ts';
import { Random } from './random.ts';

const every = readFileSync(new URL('./testdata/every-instruction.s', import.meta.url), 'utf8');

/** Bytes and text that LLVM makes of the same source. */
const llvm = (source: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-asm-'));
  try {
    const [s, o, bin] = ['a.s', 'a.o', 'a.bin'].map((n) => join(folder, n)) as [string, string, string];
    writeFileSync(s, source);
    execFileSync('llvm-mc-19', ['--arch=bpf', '-mcpu=v4', '-filetype=obj', s, '-o', o]);
    execFileSync('llvm-objcopy-19', ['-O', 'binary', '--only-section=.text', o, bin]);
    const listing = execFileSync('llvm-objdump-19', ['-d', '--mcpu=v4', '--no-show-raw-insn', o], {
      encoding: 'utf8',
    });
    const lines = [...listing.matchAll(/^\s+\d+:\s+(.*)$/gm)].map((m) => m[1]!.replace(/ <[^<]*>$/, ''));
    return { bytes: new Uint8Array(readFileSync(bin)), lines, listing };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test('assembles every instruction to the bytes of llvm-mc', (t) => {
  const { bytes } = llvm(every);
  t.deepEqual(assemble(every), bytes);
});

test('prints every instruction as llvm-objdump does', (t) => {
  const { bytes, lines } = llvm(every);
  t.deepEqual(
    disassemble(bytes).map((l) => l.text),
    lines,
  );
});

test('reads the listing of llvm-objdump back', (t) => {
  const { bytes, listing } = llvm(every);
  t.deepEqual(assemble(listing.slice(listing.indexOf('<.text>:'))), bytes);
});

test('disassembly of any bytes assembles to the same bytes', (t) => {
  const random = new Random(7);
  for (let round = 0; round < 20000; round++) {
    const code = Uint8Array.from({ length: 24 }, () => random.below(256));
    for (const at of [0, 8, 16]) {
      if (random.once(2)) code.fill(0, at + 4, at + 8);
      if (random.once(2)) code.fill(0, at + 2, at + 4);
      if (random.once(2)) code[at + 1]! &= random.once(2) ? 0x0f : 0x19;
    }
    for (const options of [{}, { labels: true, helperNames: true }])
      t.deepEqual(assemble(disassembleText(code, options)), code, disassembleText(code));
  }
});

test('labels, local calls, helpers by name and maps', (t) => {
  const code = assemble(`
    r1 = map 0 ll
    r2 = map_value 1 + 8 ll
    call map_lookup_elem
  again: if r0 == 0 goto done
    call local twice
    goto again
  done:
    exit
  twice: r0 += r0
    exit`);
  t.deepEqual(
    disassemble(code).map((l) => l.text),
    [
      'r1 = map 0 ll',
      'r2 = map_value 1 + 0x8 ll',
      'call 0x1',
      'if r0 == 0x0 goto +0x2',
      'call local +0x2',
      'goto -0x3',
      'exit',
      'r0 += r0',
      'exit',
    ],
  );
});

const refusals: [string, RegExp][] = [
  ['r11 = 1', /no register r11/],
  ['r1 = w2', /wrong width/],
  ['r1 = 0xffffffff', /load it with `ll`/],
  ['w1 = 0x100000000', /not in/],
  ['goto nowhere', /no label nowhere/],
  ['goto +40000', /too far/],
  ['*(u32 *)(r1 + 40000) = r2', /offset 40000/],
  ['*(u32 *)(w1 + 4) = r2', /address is 64 bits/],
  ['w0 = *(s8 *)(r1 + 0)', /sign-extending/],
  ['r1 = cmpxchg_64(r2 + 0, r1, r3)', /compares and returns r0/],
  ['call frobnicate', /neither a helper nor a label/],
  ['r1 =+ 5', /./],
  ['hello world', /not an eBPF instruction/],
  ['a:\na:\nexit', /defined twice/],
];

for (const [source, reason] of refusals)
  test(`refuses ${JSON.stringify(source)} with its line`, (t) => {
    const text = source === 'r1 =+ 5' ? 'r1 =+ +5' : source;
    const error = t.throws(() => assemble(text), { instanceOf: AssemblyError });
    t.regex(error.message, reason);
    t.is(error.line, source.startsWith('a:') ? 2 : 1);
  });
