/** Finds the compiler and its companions, and runs them with errors that say what to do. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { isPackage } from './paths.ts';

/** How people call this program here. */
const ownName = isPackage ? 'npx velocity' : './velocity';

/** A tool is not installed: names it and the Debian/Ubuntu package that has it. */
export class MissingToolError extends Error {
  readonly code = 'missing_tool';
  readonly tool: string;
  constructor(tool: string, packageName: string) {
    super(`${tool} is not installed; run ${ownName} doctor --fix, or install the package ${packageName}`);
    this.name = 'MissingToolError';
    this.tool = tool;
  }
}

/** A build step failed: carries what the tool printed. */
export class BuildError extends Error {
  readonly code = 'build_failed';
  constructor(what: string, output: string, options?: ErrorOptions) {
    super(`${what} failed:\n${output.trim()}`, options);
    this.name = 'BuildError';
  }
}

/** Tools by role: names (or, for files, paths) to try in order of preference, and the package to install. */
export const tools = {
  clang: { names: ['clang-19', 'clang-20', 'clang-21'], package: 'clang-19' },
  lld: { names: ['ld.lld-19', 'ld.lld-20', 'ld.lld-21'], package: 'lld-19' },
  wasmLd: { names: ['wasm-ld-19', 'wasm-ld-20', 'wasm-ld-21'], package: 'lld-19' },
  llvmMc: { names: ['llvm-mc-19', 'llvm-mc-20', 'llvm-mc-21'], package: 'llvm-19' },
  llvmMca: { names: ['llvm-mca-19', 'llvm-mca-20', 'llvm-mca-21'], package: 'llvm-19' },
  llvmStrip: { names: ['llvm-strip-19', 'llvm-strip-20', 'llvm-strip-21'], package: 'llvm-19' },
  symbolizer: {
    names: ['llvm-symbolizer-19', 'llvm-symbolizer-20', 'llvm-symbolizer-21'],
    package: 'llvm-19',
  },
  sanitizers: { names: ['address sanitizer'], package: 'libclang-rt-19-dev' },
  dtc: { names: ['dtc'], package: 'device-tree-compiler' },
  qemu: { names: ['qemu-system-aarch64'], package: 'qemu-system-arm' },
  qemuUser: { names: ['qemu-aarch64'], package: 'qemu-user' },
  lrzsz: { names: ['rb'], package: 'lrzsz' },
  fastboot: { names: ['fastboot'], package: 'fastboot' },
  fsckFat: { names: ['fsck.fat'], package: 'dosfstools' },
  sfdisk: { names: ['sfdisk'], package: 'fdisk' },
  mtools: { names: ['mtools'], package: 'mtools' },
  uefi: { names: ['/usr/share/qemu-efi-aarch64/QEMU_EFI.fd'], package: 'qemu-efi-aarch64' },
  chromium: {
    names: ['chromium', 'chromium-headless-shell', 'chromium-browser', 'google-chrome'],
    package: 'chromium',
  },
  uBoot: { names: ['/usr/lib/u-boot/qemu_arm64/u-boot.bin'], package: 'u-boot-qemu' },
  qemuX86: { names: ['qemu-system-x86_64'], package: 'qemu-system-x86' },
  busybox: { names: ['busybox'], package: 'busybox-static' },
  cpio: { names: ['cpio'], package: 'cpio' },
  kmod: { names: ['depmod'], package: 'kmod' },
  udev: { names: ['/lib/systemd/systemd-udevd'], package: 'udev' },
  usbip: { names: ['usbip'], package: 'usbip' },
} as const;

export type Tool = keyof typeof tools;

const isExecutable = (path: string) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The tools for disks are where the PATH of an ordinary user may not lead. */
const searchPath = () => [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

const locate = (name: string) => {
  if (isAbsolute(name)) return existsSync(name) ? name : undefined;
  return searchPath()
    .map((dir) => join(dir, name))
    .find(isExecutable);
};

const llvmArchitecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/** The sanitizers are a library of clang's, not a program. */
const findSanitizers = (): string | undefined => {
  const clang = findTool('clang');
  if (!clang) return undefined;
  const folder = execFileSync(clang, ['-print-resource-dir'], { encoding: 'utf8' }).trim();
  const library = join(folder, 'lib/linux', `libclang_rt.asan-${llvmArchitecture}.a`);
  return existsSync(library) ? library : undefined;
};

/** An emulated machine begins with nothing else, so it must need no library: ldd fails on such a program. */
const isStatic = (path: string) => spawnSync('ldd', [path]).status !== 0;

/** Full path of a tool, or undefined when it is not installed. */
export const findTool = (tool: Tool): string | undefined => {
  if (tool === 'sanitizers') return findSanitizers();
  for (const name of tools[tool].names) {
    const found = locate(name);
    if (found && (tool !== 'busybox' || isStatic(found))) return found;
  }
  return undefined;
};

/** @throws MissingToolError */
export const requireTool = (tool: Tool): string => {
  const found = findTool(tool);
  if (!found) throw new MissingToolError(tools[tool].names[0], tools[tool].package);
  return found;
};

/** Another version of a tool makes another file: which one it is, by its place, its size and its age. @throws MissingToolError */
export const identityOf = (tool: Tool): string => {
  const path = requireTool(tool);
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
};

/** Commands under way: they work for this process, and end when it does. */
const underWay = new Set<ChildProcess>();
const endAll = () => {
  for (const child of underWay) child.kill();
};

const endWithUs = (child: ChildProcess) => {
  if (!process.listeners('exit').includes(endAll)) process.once('exit', endAll);
  underWay.add(child);
  child.once('close', () => underWay.delete(child));
};

/** Runs a command to its end. @throws BuildError with its output when it exits with another code than 0. */
export const run = (
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    endWithUs(child);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.on('error', (cause) => reject(new BuildError(command, String(cause), { cause })));
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new BuildError(`${command} ${args.at(-1) ?? ''}`, output)),
    );
  });
