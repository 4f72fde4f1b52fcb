/**
 * What was proven of programs before, one file each, so that a program that is loaded again is neither searched nor proven again.
 * A proof is taken on the word of the key that signs the patch: each file is signed with it. One that is not, does not fit,
 * comes from other rules, or can't be read counts as none.
 */
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleProgram } from '../ebpf/index.ts';
import { PROVER_VERSION } from '../ebpf/prover/index.ts';
import { makeFolder } from '../firmware/folder.ts';
import type { SigningKey } from '../firmware/sign.ts';
import { hexHash } from './judge.ts';
import { type Optimised, type OptimisedOptions, optimised, retraced, type Step } from './optimised.ts';

export type StoreOptions = OptimisedOptions & {
  /** Folder of the files, made when it is missing. */
  readonly folder: string;
  /** Names the rules that propose: what others proposed is not taken. */
  readonly rules: string;
  readonly key: Pick<SigningKey, 'privateKey'>;
};

export type Known = Optimised & { readonly wasKnown: boolean };

type Stored = { readonly steps: string; readonly signature: string };

/** Everything that the steps depend on: the file's name, and signed with them. */
const nameOf = (program: ModuleProgram, { rules, objective, memorySize }: StoreOptions): string => {
  const wish = { rules, PROVER_VERSION, objective: objective ?? 'speed', memorySize, of: hexHash(program) };
  return createHash('sha256').update(JSON.stringify(wish)).digest('hex');
};

const toBeSigned = (name: string, steps: string) => Buffer.from(`velocity optimised ${name} ${steps}`);

/** Steps as they were stored; undefined when there are none to believe. */
const read = async (name: string, { folder, key }: StoreOptions): Promise<readonly Step[] | undefined> => {
  try {
    const { steps, signature } = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as Stored;
    const publicKey = createPublicKey(key.privateKey);
    if (!verify(null, toBeSigned(name, steps), publicKey, Buffer.from(signature, 'hex'))) return undefined;
    const found = JSON.parse(steps) as readonly (Omit<Step, 'code'> & { readonly code: string })[];
    return found.map((step) => ({ ...step, code: new Uint8Array(Buffer.from(step.code, 'hex')) }));
  } catch {
    return undefined;
  }
};

/** Several processes may write at once: each publishes a whole file. A folder that can't be written costs only time. */
const write = async (name: string, { folder, key }: StoreOptions, found: readonly Step[]): Promise<void> => {
  const steps = JSON.stringify(
    found.map((step) => ({ ...step, code: Buffer.from(step.code).toString('hex') })),
  );
  const signature = sign(null, toBeSigned(name, steps), key.privateKey).toString('hex');
  const path = join(folder, `${name}.json`);
  const temporary = `${path}.${process.pid}`;
  try {
    makeFolder(folder, 0o700);
    await writeFile(temporary, `${JSON.stringify({ steps, signature } satisfies Stored)}\n`, { mode: 0o600 });
    await rename(temporary, path);
  } catch {
    // searched again next time
  }
};

/** What is known of a program without searching; undefined when nothing is. */
export const knownOptimised = async (
  program: ModuleProgram,
  options: StoreOptions,
): Promise<Optimised | undefined> => {
  const steps = await read(nameOf(program, options), options);
  const { memorySize } = options;
  return steps && retraced(program, steps, memorySize === undefined ? {} : { memorySize });
};

export const storedOptimised = async (program: ModuleProgram, options: StoreOptions): Promise<Known> => {
  const known = await knownOptimised(program, options);
  if (known) return { ...known, wasKnown: true };
  const found = await optimised(program, options);
  await write(nameOf(program, options), options, found.steps);
  return { ...found, wasKnown: false };
};
