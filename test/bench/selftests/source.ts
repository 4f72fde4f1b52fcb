/** Linux' own tests of its verifier, out of the source that Debian ships, compiled to objects. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type Architecture,
  downloadPackage,
  NoPeerError,
  packageRecord,
  recordField,
  unpackPackage,
} from '../../../cli/debian-package.ts';
import { requireTool, run } from '../../../firmware/index.ts';
import { kernelBtf } from '../../fuzz/linux/kernel-types.ts';
import { fetchLinux } from '../peers/linux-package.ts';
import { buildFolder } from '../peers/natives.ts';

/** The version of Linux that the verifier is held against elsewhere, too (test/fuzz/linux). */
const RELEASE = '6.12';
const PACKAGE = `linux-source-${RELEASE}`;
const FOLDER = join(buildFolder, 'selftests');
const TREE = join(FOLDER, PACKAGE);
const TESTS = join(TREE, 'tools/testing/selftests/bpf');
const INCLUDES = join(FOLDER, 'include');
const FETCHED = join(FOLDER, 'complete');

const machine: { readonly architecture: Architecture; readonly headers: string } =
  process.arch === 'arm64'
    ? { architecture: 'arm64', headers: '/usr/include/aarch64-linux-gnu' }
    : { architecture: 'amd64', headers: '/usr/include/x86_64-linux-gnu' };

const command = (file: string, args: readonly string[]): Buffer => {
  try {
    return execFileSync(file, args, { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new NoPeerError(`${basename(file)} fails: ${String(error).split('\n')[0]}`);
  }
};

const unpackSource = (version: string): void => {
  unpackPackage(downloadPackage(PACKAGE, machine.architecture, version), FOLDER, [
    `./usr/src/${PACKAGE}.tar.xz`,
  ]);
  const archive = join(FOLDER, 'usr/src', `${PACKAGE}.tar.xz`);
  const wanted = ['tools/testing/selftests/bpf', 'tools/lib', 'tools/include', 'scripts/bpf_doc.py'];
  command('tar', ['-xJf', archive, '-C', FOLDER, ...wanted.map((path) => `${PACKAGE}/${path}`)]);
  rmSync(join(FOLDER, 'usr'), { recursive: true });
};

/** What the build of the tests would generate: the kernel's types as C, and the prototypes of its helpers. */
const writeHeaders = (say: (line: string) => void): void => {
  mkdirSync(INCLUDES);
  const types = join(FOLDER, 'kernel.btf');
  writeFileSync(types, kernelBtf(fetchLinux(say, 'newest').image));
  unpackPackage(downloadPackage('bpftool', machine.architecture), FOLDER, ['./usr/sbin/bpftool']);
  const bpftool = join(FOLDER, 'usr/sbin/bpftool');
  const c = command(bpftool, ['btf', 'dump', 'file', types, 'format', 'c']);
  writeFileSync(join(INCLUDES, 'vmlinux.h'), c);
  rmSync(join(FOLDER, 'usr'), { recursive: true });
  const api = join(TREE, 'tools/include/uapi/linux/bpf.h');
  const helpers = command('python3', [join(TREE, 'scripts/bpf_doc.py'), '--header', '--filename', api]);
  writeFileSync(join(INCLUDES, 'bpf_helper_defs.h'), helpers);
};

/** Instructions of the fourth version of the set stand in assembly where a test wants them: it is taken where the third does not do. */
const compile = async (source: string): Promise<string | undefined> => {
  const object = join(FOLDER, `${basename(source, '.c')}.bpf.o`);
  const flags = ['--target=bpf', '-O2', '-g', '-w', '-std=gnu11', '-fno-strict-aliasing'];
  const tools = join(TREE, 'tools');
  const folders = [INCLUDES, TESTS, `${tools}/include/uapi`, `${tools}/lib`, `${tools}/include`];
  const own = [machine.headers, '/usr/include'].flatMap((folder) => ['-idirafter', folder]);
  for (const cpu of ['v3', 'v4']) {
    const built = await run(requireTool('clang'), [
      ...flags,
      `-mcpu=${cpu}`,
      '-D__TARGET_ARCH_arm64',
      '-DENABLE_ATOMICS_TESTS',
      ...folders.map((folder) => `-I${folder}`),
      ...own,
      '-c',
      source,
      '-o',
      object,
    ]).then(
      () => true,
      () => false,
    );
    if (built) return object;
  }
  return undefined;
};

export type Selftests = {
  readonly version: string;
  readonly objects: readonly string[];
  /** Names of sources that clang does not compile. */
  readonly skipped: readonly string[];
};

/** Of the tests, those that say what Linux makes of them. */
const ANNOTATED = /\b__(success|failure|msg)\b/;

/** Remembers what was fetched; remove build/peers/selftests to look for newer ones. @throws NoPeerError */
export const fetchSelftests = async (say: (line: string) => void): Promise<Selftests> => {
  if (existsSync(FETCHED)) return JSON.parse(readFileSync(FETCHED, 'utf8')) as Selftests;
  const version = recordField(packageRecord(PACKAGE, machine.architecture), 'Version');
  if (!version) throw new NoPeerError(`this mirror has no ${PACKAGE}`);
  say(`downloading ${PACKAGE} ${version}, some 150 MB`);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  unpackSource(version);
  writeHeaders(say);
  const objects: string[] = [];
  const skipped: string[] = [];
  const programs = join(TESTS, 'progs');
  for (const name of readdirSync(programs).sort()) {
    const source = join(programs, name);
    if (!name.endsWith('.c') || !ANNOTATED.test(readFileSync(source, 'utf8'))) continue;
    say(`compiling ${name}`);
    const object = await compile(source);
    if (object) objects.push(object);
    else skipped.push(name);
  }
  const fetched: Selftests = { version, objects, skipped };
  writeFileSync(FETCHED, JSON.stringify(fetched));
  return fetched;
};
