/**
 * Prometheus itself and its promtool, for tests of what it is told. Debian's package starts a server when it is installed, so
 * only its two programs are taken out of it, into build/.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../firmware/index.ts';

const FOLDER = join(root, 'build/prometheus');
const PACKAGE = 'prometheus';
const DOWNLOAD_MS = 600_000;

export type PrometheusTool = 'prometheus' | 'promtool';

const runs = (path: string) => spawnSync(path, ['--version']).status === 0;

/** The one that was taken out of its package, or the system's; undefined when there is none. */
export const findPrometheus = (tool: PrometheusTool): string | undefined => {
  const own = join(FOLDER, 'usr/bin', tool);
  return existsSync(own) ? own : runs(tool) ? tool : undefined;
};

const run = (command: string, args: readonly string[]) => {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd: FOLDER,
    encoding: 'utf8',
    timeout: DOWNLOAD_MS,
  });
  if (status === 0) return;
  throw new Error(`${PACKAGE}: ${(stderr || String(error ?? '')).trim().split('\n').at(-1)}`);
};

/** Fetches it where it is missing. @throws Error with the last words of apt or dpkg */
export const installPrometheus = (say: (line: string) => void): void => {
  if (findPrometheus('prometheus') && findPrometheus('promtool')) return;
  say(`downloading ${PACKAGE}…`);
  mkdirSync(FOLDER, { recursive: true });
  run('apt-get', ['-q', 'download', PACKAGE]);
  const archive = readdirSync(FOLDER).find((name) => name.endsWith('.deb'));
  if (!archive) throw new Error(`${PACKAGE}: apt-get left no file`);
  run('dpkg-deb', ['-x', archive, FOLDER]);
  rmSync(join(FOLDER, archive));
};
