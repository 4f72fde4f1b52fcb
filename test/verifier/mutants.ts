/** Mutants of the scalar domain: copies of its headers with one token changed, to see that the tests of the operators notice. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = 'bpf/verifier';
const HEADERS = ['domain.h', 'small.h'];

export type Mutant = {
  readonly file: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  readonly text: string;
};

/** What is replaced by what, where code has it. */
const changes: readonly (readonly [RegExp, string])[] = [
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ << /g, ' >> '],
  [/ >> /g, ' << '],
  [/ & /g, ' | '],
  [/ \| /g, ' & '],
  [/ \^ /g, ' | '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ == /g, ' != '],
  [/ != /g, ' == '],
  [/\bmax_([us])\(/g, 'min_$1('],
  [/\bmin_([us])\(/g, 'max_$1('],
  [/\bumin\b/g, 'umax'],
  [/\bumax\b/g, 'umin'],
  [/\bsmin\b/g, 'smax'],
  [/\bsmax\b/g, 'smin'],
  [/~/g, ''],
  [/\breturn false\b/g, 'return true'],
  [/\breturn true\b/g, 'return false'],
];

const isCode = (line: string) => !/^\s*(\/\*|\*|#|static_assert)/.test(line);

const inFile = (file: string, text: string): Mutant[] => {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.includes('---- known bits') || file === 'small.h');
  return lines.flatMap((line, i) => {
    if (i < first || !isCode(line)) return [];
    const code = line.replace(/\/\*.*\*\//, '');
    return changes.flatMap(([pattern, replacement]) =>
      [...code.matchAll(pattern)].map((match) => {
        const after = match[0].replace(new RegExp(pattern.source), replacement);
        const changed = `${code.slice(0, match.index)}${after}${code.slice(match.index + match[0].length)}`;
        return {
          file,
          line: i + 1,
          before: line.trim(),
          after: changed.trim(),
          text: lines.with(i, changed).join('\n'),
        };
      }),
    );
  });
};

/** Every mutant, in the order of the source. */
export const allMutants = async (): Promise<Mutant[]> => {
  const found = HEADERS.map(async (file) =>
    inFile(file, await readFile(join(root, 'kernel-aarch64', FOLDER, file), 'utf8')),
  );
  return (await Promise.all(found)).flat();
};

export type Fate = 'killed' | 'survived' | 'invalid';

/** Builds the check of the operators, with `text` instead of a header of the domain, and returns what it prints. */
const outputWith = async (mutant: Pick<Mutant, 'file' | 'text'> | undefined, elements: number) => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-mutant-'));
  try {
    await mkdir(join(folder, FOLDER), { recursive: true });
    if (mutant) await writeFile(join(folder, FOLDER, mutant.file), mutant.text);
    const program = join(folder, 'check');
    const flags = ['-std=c23', '-D_GNU_SOURCE', '-O1', '-w', `-I${folder}`, '-Ikernel-aarch64'];
    const built = await run('clang-19', [...flags, 'test/verifier/domain_check.c', '-o', program], {
      cwd: root,
    }).catch(() => undefined);
    if (!built) return undefined;
    return await run(program, [`${elements}`], { timeout: 120_000 }).then(
      ({ stdout }) => stdout,
      () => 'the check fails',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** What the check prints of the operators as they are. */
export const soundOutput = async (elements: number): Promise<string> => {
  const output = await outputWith(undefined, elements);
  if (!output?.includes('\nok ')) throw new Error('the operators fail their check without any change');
  return output;
};

/** Killed when the check fails, or finds that a result allows other numbers than before. */
export const fateOf = async (mutant: Mutant, sound: string, elements: number): Promise<Fate> => {
  const output = await outputWith(mutant, elements);
  if (output === undefined) return 'invalid';
  return output === sound ? 'survived' : 'killed';
};
