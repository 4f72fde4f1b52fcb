/**
 * An index into an array is none behind its end while the CPU guesses: the look-up of the kernel's own image is run in qemu's
 * user-mode emulation with each of its branches decided wrong, and with its select taken out to see that this shows.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { buildFor } from '../../cli/virtual.ts';
import { imageFromElf, paths, readSymbols } from '../../firmware/index.ts';
import { missingTool } from './machine.ts';
import { emulatedTarget } from './native.ts';

const missing = missingTool();
const ifEmulated = missing ? test.skip : test;
if (missing) process.stderr.write(`array-lookup.test.ts: skipped, ${missing} is not installed\n`);

const ENTRIES = 5;
const STRIDE = 8;
const NONE = 2n ** 64n - 1n;
const outside = [ENTRIES, ENTRIES + 1, 1000, 2 ** 20, 2 ** 31, 2 ** 32 - 1];
const NOP = 0xd503201f;
const CSDB = 0xd503229f;

/** DDI 0487 C6.2: B.cond, CBZ, CBNZ, TBZ and TBNZ, as "B" to the same target. */
const alwaysTaken = (word: number): number | undefined => {
  const isCondition = (word & 0xff000010) >>> 0 === 0x54000000;
  const isZero = (word & 0x7e000000) >>> 0 === 0x34000000;
  const isBit = (word & 0x7e000000) >>> 0 === 0x36000000;
  if (!isCondition && !isZero && !isBit) return undefined;
  const words = isBit ? ((word >>> 5) << 18) >> 18 : ((word >>> 5) << 13) >> 13;
  return (0x14000000 | (words & 0x3ffffff)) >>> 0;
};
const isSelect = (word: number) => (word & 0x7fe00c00) >>> 0 === 0x1a800000; // CSEL

type Place = { readonly place: number; readonly word: number };

/** The look-up as the image has it: where it begins, and its instructions up to the last return. */
const lookUp = async () => {
  await buildFor(boardNamed('qemu-virt'), () => {});
  const { image } = imageFromElf(readFileSync(paths.elf));
  const symbols = readSymbols(paths.elf);
  const entry = Number(symbols.of('array_value') ?? -1);
  if (entry < 0) throw new Error('array_value is no function of the image any more: where is the select?');
  const code: Place[] = [];
  for (let at = entry; symbols.at(BigInt(at))?.name === 'array_value'; at += 4)
    code.push({ place: at, word: image.readUInt32LE(at) });
  return { image, entry, code };
};

const compileCaller = (folder: string): string => {
  const program = join(folder, 'array-lookup');
  const source = new URL('array-lookup.c', import.meta.url).pathname;
  execFileSync('clang-19', [
    ...emulatedTarget,
    '-std=c23',
    '-O1',
    `-I${paths.kernel}`,
    '-o',
    program,
    source,
  ]);
  return program;
};

type Look = Place & { readonly index: number };

/** Bytes from the first value at which each look-up would read; NONE where it finds nothing. */
const looked = (program: string, image: Buffer, entry: number, looks: readonly Look[]): bigint[] => {
  const words = looks.flatMap(({ place, word, index }) => [place, word, index, ENTRIES]);
  const head = Uint32Array.of(image.length, entry);
  const input = Buffer.concat([Buffer.from(head.buffer), image, Buffer.from(Uint32Array.from(words).buffer)]);
  const { stdout } = spawnSync('qemu-aarch64', [program], { input, timeout: 60_000 });
  if (stdout.length !== 8 * looks.length) throw new Error(`${stdout.length / 8} answers of ${looks.length}`);
  return looks.map((_, i) => stdout.readBigUInt64LE(8 * i));
};

const isInside = (at: bigint) => at === NONE || at < BigInt(ENTRIES * STRIDE);

ifEmulated('no_branch_guessed_wrong_lets_a_look_up_read_behind_its_array', async (t) => {
  t.timeout(300_000);
  const { image, entry, code } = await lookUp();
  const folder = mkdtempSync(join(tmpdir(), 'velocity-lookup-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const program = compileCaller(folder);
  const look = (places: readonly Place[], indexes: readonly number[]) => {
    const looks = places.flatMap((place) => indexes.map((index) => ({ ...place, index })));
    return looked(program, image, entry, looks);
  };

  const inside = Array.from({ length: ENTRIES }, (_, i) => i);
  t.deepEqual(
    look(code.slice(0, 1), inside),
    inside.map((i) => BigInt(i * STRIDE)),
    'as it is',
  );
  t.deepEqual(
    look(code.slice(0, 1), outside),
    outside.map(() => NONE),
    'as it is',
  );

  const branches = code.flatMap(({ place, word }) => {
    const always = alwaysTaken(word);
    return always === undefined
      ? []
      : [
          { place, word: NOP },
          { place, word: always },
        ];
  });
  const guessed = look(branches, outside);
  t.true(
    guessed.some((at) => at !== NONE),
    'a branch decides whether there is a value',
  );
  t.deepEqual(
    guessed.filter((at) => !isInside(at)),
    [],
  );

  const select = code.findIndex(({ word }, i) => isSelect(word) && code[i + 1]?.word === CSDB);
  t.true(select > 0, 'a select, and behind it the barrier that keeps its result from being guessed');
  const bare = Buffer.from(image);
  bare.writeUInt32LE(NOP, code[select]!.place);
  const unguarded = looked(
    program,
    bare,
    entry,
    branches.flatMap((b) => outside.map((index) => ({ ...b, index }))),
  );
  t.true(
    unguarded.some((at) => !isInside(at)),
    'without the select it would show',
  );
});
