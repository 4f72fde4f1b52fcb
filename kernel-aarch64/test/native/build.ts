/** Compiles parts of the kernel for this machine, with sanitizers, so that tests can talk to them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkedProgram } from '../../../firmware/native.ts';
import { paths, root } from '../../../firmware/paths.ts';
import { BuildError, requireTool } from '../../../firmware/toolchain.ts';

const base = ['-std=gnu23', '-O1', '-gline-tables-only', '-Wall', '-Wextra', '-Werror', `-I${paths.kernel}`];
const sanitized = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
/** Needs no runtime library: undefined behaviour ends the program with a trap. */
const trapped = ['-fsanitize=undefined', '-fsanitize-trap=all'];

const hasNoRuntime = (error: unknown) => error instanceof BuildError && error.message.includes('libclang_rt');

/**
 * Builds `sources`, given relative to kernel-aarch64/, into a program; returns its path. Headers in the folder `standIns`
 * come before the kernel's of the same name.
 * Without Debian's package libclang-rt-19-dev memory errors go unseen: `log` is told so.
 */
export const buildNative = async (
  name: string,
  sources: readonly string[],
  log: (line: string) => void,
  standIns?: string,
): Promise<string> => {
  const files = sources.map((source) => join(paths.kernel, source));
  const first = standIns === undefined ? [] : [`-I${join(paths.kernel, standIns)}`];
  const compile = (flags: readonly string[]) => linkedProgram(name, [...first, ...base, ...flags], files);
  try {
    return await compile(sanitized);
  } catch (error) {
    if (!hasNoRuntime(error)) throw error;
    log('built without the address sanitizer: install libclang-rt-19-dev for it');
    return compile(trapped);
  }
};

/** Compiles a device tree from source text without its first line; returns the path of the blob. */
export const compileTree = (name: string, source: string): string => {
  const folder = join(root, 'build/native');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.dtb`);
  const blob = execFileSync(requireTool('dtc'), ['-q', '-I', 'dts', '-O', 'dtb'], {
    input: `/dts-v1/;\n${source}`,
  });
  writeFileSync(path, blob);
  return path;
};

/** What the oracle and the fuzzer of lib/ and trust/cose are made of. */
export const librarySources = [
  'lib/cbor.c',
  'lib/cbor_deterministic.c',
  'lib/base64.c',
  'lib/crc16.c',
  'lib/sha2.c',
  'lib/ed25519.c',
  'lib/ed25519_field.c',
  'lib/ed25519_point.c',
  'lib/ed25519_scalar.c',
  'trust/cose.c',
  'lib/record.c',
  'gen/abi_messages.c',
] as const;

/** What keeps images on a medium, with the keys and hashes that it checks them by. */
export const updateSources = [
  'lib/cbor.c',
  'lib/cbor_deterministic.c',
  'lib/crc32.c',
  'lib/print.c',
  'lib/sha2.c',
  'lib/ed25519.c',
  'lib/ed25519_field.c',
  'lib/ed25519_point.c',
  'lib/ed25519_scalar.c',
  'trust/cose.c',
  'trust/keys.c',
  'trust/manifest.c',
  'trust/merkle.c',
  'trust/policy.c',
  'update/slots.c',
  'update/store.c',
  'update/upload.c',
  'test/native/update_board.c',
] as const;

/** What decides which image is started, with what the line may ask of it. */
export const slotsSources = [
  ...updateSources.filter((source) => !source.startsWith('test/')),
  'lib/fdt.c',
  'link/image_group.c',
  'link/map.c',
  'test/native/slots_host.c',
  'update/loader.c',
  'update/memory.c',
  'update/update.c',
] as const;

/** What a medium is on this machine: memory alone, or an SD card behind its driver. */
export const mediumSources = {
  memory: ['test/native/medium_memory.c'],
  card: ['test/native/medium_card.c', 'drivers/sdhci.c', 'lib/deadline.c'],
} as const;

/** What the link on a PC is made of. */
export const linkSources = [
  'lib/cbor.c',
  'lib/base64.c',
  'lib/crc16.c',
  'lib/print.c',
  'lib/printable.c',
  'lib/record.c',
  'gen/abi_messages.c',
  'link/line.c',
  'link/packet.c',
  'link/receive.c',
  'link/smp.c',
  'link/shell.c',
  'link/os_group.c',
  'link/stat_group.c',
  'link/velocity_group.c',
  'link/signed_group.c',
  'link/image_group.c',
  'link/map.c',
  'telemetry/line.c',
] as const;
