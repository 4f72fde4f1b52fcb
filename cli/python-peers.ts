/**
 * What others wrote in Python, from PyPI, in a virtual environment of this checkout: SMP clients, Prometheus' parser of
 * OpenMetrics, Perfetto's own description of its traces, and a parser of JUnit reports. Tests run them against our boards and what we write.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../firmware/index.ts';

const FOLDER = join(root, 'build/python');
const PACKAGES = ['smpclient[serial]', 'smpmgr', 'prometheus_client', 'perfetto', 'junitparser'];
const MODULES = 'serial, smpclient, smpmgr, prometheus_client, perfetto, junitparser';
const INSTALL_MS = 600_000;
const run = promisify(execFile);

const pythonIn = (folder: string) => join(folder, 'bin/python');

/** Python with them: $VELOCITY_PYTHON, the environment of this checkout, or the system's. */
export const peersPython = (): string => {
  if (process.env.VELOCITY_PYTHON) return process.env.VELOCITY_PYTHON;
  return existsSync(pythonIn(FOLDER)) ? pythonIn(FOLDER) : 'python3';
};

const can = (python: string, modules: string) => spawnSync(python, ['-c', `import ${modules}`]).status === 0;

/** Why tests with these Python modules cannot run; undefined when they can. */
export const whyNoPeers = (modules: string): string | undefined =>
  can(peersPython(), modules)
    ? undefined
    : `${modules} of PyPI are not installed; \`./velocity test\` installs them`;

/** Makes the environment where it is missing, which keeps one processor busy for half a minute. @throws Error with pip's last words */
export const installPythonPeers = async (say: (line: string) => void): Promise<void> => {
  if (can(peersPython(), MODULES)) return;
  say(`installing ${PACKAGES.join(', ')}…`);
  // one child for both steps: nobody here could start the second while the other peers are fetched, one after the other
  const script = 'python3 -m venv "$0" && "$0/bin/python" -m pip install -q --disable-pip-version-check "$@"';
  try {
    await run('sh', ['-c', script, FOLDER, ...PACKAGES], { timeout: INSTALL_MS });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${PACKAGES.join(', ')}: ${stderr.trim().split('\n').at(-1) || 'no python3'}`);
  }
};
