/** Builds the fuzzer: one half for this machine, one for AArch64 Linux under qemu-user. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledProgram } from '../../../firmware/native.ts';
import { buildExecutor, driver, driverHeaders } from '../emulator/build.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = 'test/jit/fuzz';
const flags = ['-std=c23', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O2', '-g'];
const includes = [...driverHeaders, '-Ikernel-aarch64', '-Itest/verifier/oracle', `-I${here}`];

const sourcesIn = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.c'))
    .map((name) => `${folder}/${name}`);

export type Fuzzer = { readonly path: string; readonly executor: string };

/** Compiles both halves. @throws Error with clang's words when it does not compile. */
export const buildFuzzer = async (): Promise<Fuzzer> => {
  const kernel = ['jit', 'interp', 'verifier'].flatMap((part) => sourcesIn(`kernel-aarch64/bpf/${part}`));
  const executor = await buildExecutor();
  const args = [...flags, ...includes, ...driver, ...sourcesIn(here), ...kernel];
  return { path: await compiledProgram('jit-fuzz', args), executor };
};
