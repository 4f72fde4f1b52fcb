/** Objects that Debian ships, compiled as a board would: how many A64 words an eBPF instruction takes. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { downloadPackage, NoPeerError } from '../../../cli/debian-package.ts';
import { jitObject } from '../../../ebpf/index.ts';
import { atMost, type Metric } from '../metric.ts';
import { buildFolder } from './natives.ts';

/** Packages with eBPF in them, as files or inside of executables. */
const PACKAGES = ['libbpf-tools', 'libxdp1', 'xdp-tools'];
const FOLDER = join(buildFolder, 'objects');
/** An object with fewer instructions tells more of prologues than of selection. */
export const LARGE_INSNS = 200;

export type ObjectRow = {
  readonly object: string;
  /** Programs that were compiled, and those that the verifier refuses. */
  readonly programs: number;
  readonly refused: number;
  /** eBPF slots that a run may come to, and A64 words, of those compiled. */
  readonly insns: number;
  readonly words: number;
};

/* System V ABI, chapter 4; machine: the number of eBPF. */
const MAGIC = Buffer.from('7f454c46020101', 'hex');
const [TYPE_AT, MACHINE_AT, SECTIONS_AT, SECTION_BYTES_AT, SECTION_COUNT_AT] = [16, 18, 40, 58, 60];
const [RELOCATABLE, EBPF, HEADER_BYTES] = [1, 247, 64];

const objectAt = (file: Buffer, at: number): Buffer | undefined => {
  if (file.length < at + HEADER_BYTES || file.readUInt16LE(at + TYPE_AT) !== RELOCATABLE) return undefined;
  if (file.readUInt16LE(at + MACHINE_AT) !== EBPF) return undefined;
  const sections = file.readUInt16LE(at + SECTION_BYTES_AT) * file.readUInt16LE(at + SECTION_COUNT_AT);
  const size = Number(file.readBigUInt64LE(at + SECTIONS_AT)) + sections; // the section table comes last
  return at + size <= file.length ? file.subarray(at, at + size) : undefined;
};

/** The eBPF objects that lie in a file: the file itself, or what libbpf's skeletons put into an executable. */
export const objectsIn = (file: Buffer): Buffer[] => {
  const found: Buffer[] = [];
  for (let at = file.indexOf(MAGIC); at >= 0; at = file.indexOf(MAGIC, at + MAGIC.length)) {
    const object = objectAt(file, at);
    if (object) found.push(object);
  }
  return found;
};

const unpack = (archive: string, folder: string) => {
  const { status, stderr } = spawnSync('dpkg-deb', ['-x', archive, folder], { encoding: 'utf8' });
  if (status !== 0)
    throw new NoPeerError(`${archive} cannot be unpacked: ${stderr?.trim() ?? 'no dpkg-deb'}`);
};

/** Those not seen before: many tools carry the same ones. */
const keepNew = (path: string, seen: Set<string>) => {
  for (const [i, object] of objectsIn(readFileSync(path)).entries()) {
    const hash = createHash('sha256').update(object).digest('hex');
    if (seen.has(hash)) continue;
    seen.add(hash);
    writeFileSync(join(FOLDER, `${basename(path, '.o')}${i === 0 ? '' : `.${i}`}.o`), object);
  }
};

const fetchPackage = (name: string, seen: Set<string>) => {
  const archive = downloadPackage(name, 'arm64');
  const folder = join(FOLDER, 'unpacked');
  unpack(archive, folder);
  const files = (readdirSync(folder, { recursive: true }) as string[])
    .map((path) => join(folder, path))
    .sort();
  for (const path of files) if (statSync(path, { throwIfNoEntry: false })?.isFile()) keepNew(path, seen);
  rmSync(folder, { recursive: true });
  rmSync(archive);
};

const FETCHED = join(FOLDER, 'complete');

/** Paths of the objects; remove build/peers to look for newer ones. @throws NoPeerError */
const fetchObjects = (say: (line: string) => void): string[] => {
  if (!existsSync(FETCHED)) {
    say(`downloading ${PACKAGES.join(', ')}`);
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    const seen = new Set<string>();
    for (const name of PACKAGES) fetchPackage(name, seen);
    writeFileSync(FETCHED, '');
  }
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.o'))
    .sort()
    .map((name) => join(FOLDER, name));
};

/** What became of one object. @throws ElfError when it cannot be loaded */
export const objectRow = async (path: string): Promise<ObjectRow> => {
  const rows = await jitObject(readFileSync(path), { platform: 'linux' });
  const compiled = rows.flatMap(({ result }) =>
    result.ok ? [{ insns: result.reached, words: result.words.length }] : [],
  );
  const sum = (key: 'insns' | 'words') => compiled.reduce((total, row) => total + row[key], 0);
  return {
    object: basename(path, '.o'),
    programs: compiled.length,
    refused: rows.length - compiled.length,
    insns: sum('insns'),
    words: sum('words'),
  };
};

/** @throws NoPeerError when Debian's packages cannot be had */
export const measureObjects = async (say: (line: string) => void): Promise<ObjectRow[]> => {
  const rows: ObjectRow[] = [];
  for (const path of fetchObjects(say)) rows.push(await objectRow(path));
  return rows;
};

export const largeObjects = (rows: readonly ObjectRow[]) => rows.filter((row) => row.insns >= LARGE_INSNS);

export const objectMetrics = (rows: readonly ObjectRow[]): Metric[] => {
  const large = largeObjects(rows);
  const sum = (key: 'insns' | 'words') => large.reduce((total, row) => total + row[key], 0);
  const rounded = (value: number) => Number(value.toFixed(3));
  if (large.length === 0) return [];
  return [
    atMost('objects_words_per_insn', rounded(sum('words') / sum('insns')), 'A64 words', 1.1),
    atMost(
      'objects_words_per_insn_worst',
      rounded(Math.max(...large.map((row) => row.words / row.insns))),
      'A64 words',
      1.1,
    ),
  ];
};
