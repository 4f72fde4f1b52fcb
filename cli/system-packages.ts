/** The system packages that building and emulating need, and how to get them on Debian and Ubuntu. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { findTool, isPackage, type Tool, tools } from '../firmware/index.ts';
import { qemuVersion } from '../rig/index.ts';

/** First QEMU with the Raspberry Pi 4 machine. */
const QEMU_FOR_PI4 = 9;
const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const BACKPORTS_LIST = '/etc/apt/sources.list.d/velocity-backports.list';

/** A package manager could not install something: carries its last lines. */
export class InstallError extends Error {
  readonly code = 'install_failed';
  constructor(what: string, output: string) {
    super(`could not install ${what}: ${output.trim().split('\n').slice(-3).join(' / ') || 'no output'}`);
    this.name = 'InstallError';
  }
}

const osRelease = () => (existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '');
const isBookworm = () => /^VERSION_CODENAME=bookworm$/m.test(osRelease());

/** Debian 12's own QEMU lacks the Pi 4 machine; backports are tried once, then the old one has to do. */
const isOutdated = (tool: Tool) => {
  const path = tool === 'qemu' && isBookworm() && !existsSync(BACKPORTS_LIST) ? findTool(tool) : undefined;
  return path !== undefined && qemuVersion(path) < QEMU_FOR_PI4;
};

export const missingTools = (wanted: readonly Tool[]): Tool[] => wanted.filter((tool) => !findTool(tool));

const isRoot = () => process.getuid?.() === 0;

const privileged = (command: string, args: readonly string[]) => {
  const [program, rest] = isRoot() ? [command, args] : ['sudo', ['-n', 'env', command, ...args]];
  return spawnSync(program, rest, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
};

const apt = (...args: string[]) => {
  const result = privileged('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args]);
  if (result.status === 0) return;
  throw new InstallError(args.slice(-1)[0] ?? 'packages', result.stderr || String(result.error ?? ''));
};

/** Where this machine takes Debian's main suite from, so that backports come from the same mirror. */
const debianMirror = () => {
  const said = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)|$(RELEASE)'], {
    encoding: 'utf8',
  });
  return said.stdout
    .split('\n')
    .find((line) => line.endsWith('|bookworm'))
    ?.split('|')[0];
};

const addBackports = () => {
  const mirror = debianMirror();
  if (!mirror || existsSync(BACKPORTS_LIST)) return;
  const line = `deb [signed-by=${DEBIAN_KEYRING}] ${mirror} bookworm-backports main`;
  const result = privileged('sh', ['-c', `printf '%s\\n' "$1" > ${BACKPORTS_LIST}`, 'sh', line]);
  if (result.status !== 0) throw new InstallError('the backports suite', result.stderr);
  apt('update');
};

/** All from one suite: their common files must be of one version. */
const EMULATORS: readonly Tool[] = ['qemu', 'qemuX86'];

const installEmulators = (packages: readonly string[], say: (line: string) => void) => {
  if (!isBookworm()) return apt('install', '-y', '--no-install-recommends', ...packages);
  try {
    addBackports();
    apt('install', '-y', '--no-install-recommends', '-t', 'bookworm-backports', ...packages);
  } catch (error) {
    say(
      `backports are out of reach (${(error as Error).message}); taking Debian's own QEMU, without the Pi 4 machine`,
    );
    apt('install', '-y', '--no-install-recommends', ...packages);
  }
};

const APT = '/usr/bin/apt-get';

/** What a person can do instead. */
export const installHint = (missing: readonly Tool[], hasApt = existsSync(APT)): string => {
  const names = [...new Set(missing.map((tool) => tools[tool].package))].join(' ');
  return hasApt ? `sudo apt-get install ${names}` : `install what Debian calls ${names}`;
};

/** What the commands of the package use; the others build and test what a clone has. */
const packageTools: readonly Tool[] = ['clang', 'llvmMc', 'symbolizer', 'qemu'];

export const usedTools = (inPackage = isPackage): readonly Tool[] =>
  inPackage ? packageTools : (Object.keys(tools) as Tool[]);

const canInstall = () => existsSync(APT) && (isRoot() || existsSync('/usr/bin/sudo'));

/**
 * Installs what is missing of these tools. QEMU is also replaced when it is too old for the Pi 4 and backports may have it.
 * @throws InstallError when the package manager fails or there is none that this can drive.
 */
export const installTools = (wanted: readonly Tool[], say: (line: string) => void): void => {
  const missing = wanted.filter((tool) => !findTool(tool) || isOutdated(tool));
  if (missing.length === 0) return;
  if (!canInstall()) {
    if (missingTools(wanted).length === 0) return;
    throw new InstallError(missing.join(', '), installHint(missing));
  }
  say(`installing ${missing.map((tool) => tools[tool].package).join(', ')}…`);
  apt('update');
  const packagesOf = (isEmulator: boolean) => [
    ...new Set(
      missing.filter((tool) => EMULATORS.includes(tool) === isEmulator).map((tool) => tools[tool].package),
    ),
  ];
  const [packages, emulators] = [packagesOf(false), packagesOf(true)];
  if (packages.length > 0) apt('install', '-y', '--no-install-recommends', ...packages);
  if (emulators.length > 0) installEmulators(emulators, say);
};

export type ToolState = {
  readonly tool: Tool;
  readonly path: string | undefined;
  readonly note: string | undefined;
};

const noteOn = (tool: Tool, path: string | undefined) => {
  if (tool !== 'qemu' || !path) return undefined;
  const version = qemuVersion(path);
  return version < QEMU_FOR_PI4
    ? `version ${version}: no rpi4b machine (needs ${QEMU_FOR_PI4})`
    : `version ${version}`;
};

/** What of these is installed, and what is known of it. */
export const toolStates = (wanted: readonly Tool[]): ToolState[] =>
  wanted.map((tool) => {
    const path = findTool(tool);
    return { tool, path, note: noteOn(tool, path) };
  });
