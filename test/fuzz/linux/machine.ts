/** What a running Linux says of programs: it is booted in QEMU, and its first process loads them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireTool, root, run } from '../../../firmware/index.ts';
import { bootLinux, initramfs } from '../../bench/peers/linux.ts';
import type { LinuxKernel } from '../../bench/peers/linux-package.ts';
import { initFlags } from '../../bench/peers/natives.ts';
import type { VerdictFile } from './file.ts';
import { verdictFile } from './file.ts';

export type LinuxVerdict = {
  /** 0: accepted. */
  readonly errno: number;
  /** The instruction that its log ended with. */
  readonly slot?: number;
  readonly message: string;
};
export type Complaint = {
  readonly what: 'types' | 'map';
  readonly number: number;
  readonly errno: number;
  readonly message: string;
};
export type Console = {
  /** By program; one without a verdict uses a map or types that Linux refused. */
  readonly verdicts: ReadonlyMap<number, LinuxVerdict>;
  /** What Linux refused beside programs. */
  readonly complaints: readonly Complaint[];
  /** The program behind the last verdict, where Linux crashed before it was through with all. */
  readonly crashed?: number;
};

export const folder = join(root, 'build/fuzz/linux-verdicts');

const buildInit = async (): Promise<string> => {
  const target = ['--target=aarch64-linux-gnu', '-mcpu=cortex-a72', '-O2'];
  const init = join(folder, 'init');
  const link = ['-nostdlib', '-static', `--ld-path=${requireTool('lld')}`];
  await run(requireTool('clang'), [
    ...target,
    ...initFlags,
    ...link,
    '-o',
    init,
    join(root, 'test/fuzz/linux/init.c'),
  ]);
  return init;
};

const LINE = /^v (\d+) (\d+)(?: (-|\d+) ?(.*))?$/gm;
const COMPLAINT = /^([bm]) (\d+) (\d+)(.*)$/gm;

const CRASH = 'Kernel panic';

/** @throws Error when Linux did not get through, nor crashed over a program */
export const readVerdicts = (said: string): Console => {
  const text = said.replaceAll('\r', '');
  const from = text.indexOf('verdicts begin\n');
  const to = text.lastIndexOf('verdicts end\n');
  const crashes = to < from && text.includes(CRASH, from);
  if (from < 0 || (to < from && !crashes))
    throw new Error(`Linux did not get to the end; it said last: ${text.trim().split('\n').at(-1)}`);
  const between = text.slice(from, crashes ? undefined : to);
  const verdicts = [...between.matchAll(LINE)].map(([, number, errno, slot, message]) => {
    const at = slot === undefined || slot === '-' ? {} : { slot: Number(slot) };
    return [Number(number), { errno: Number(errno), ...at, message: message ?? '' }] as const;
  });
  const complaints = [...between.matchAll(COMPLAINT)].map(
    ([, what, number, errno, message]): Complaint => ({
      what: what === 'b' ? 'types' : 'map',
      number: Number(number),
      errno: Number(errno),
      message: (message ?? '').replace(/^ -? ?/, ''),
    }),
  );
  const crashed = crashes ? { crashed: Math.max(-1, ...verdicts.map(([number]) => number)) + 1 } : {};
  return { verdicts: new Map(verdicts), complaints, ...crashed };
};

/** @throws Error when Linux does not get through; its console log is named */
export const judgedByLinux = async (
  kernel: LinuxKernel,
  file: VerdictFile,
  signal?: AbortSignal,
): Promise<Console> => {
  mkdirSync(folder, { recursive: true });
  const [archive, log] = [join(folder, 'initramfs.cpio'), join(folder, 'console.log')];
  writeFileSync(archive, initramfs(await buildInit(), verdictFile(file)));
  await bootLinux(kernel, archive, log, { counted: false, ...(signal ? { signal } : {}) });
  try {
    return readVerdicts(readFileSync(log, 'latin1'));
  } catch (cause) {
    throw new Error(`${(cause as Error).message} (${log})`, { cause });
  }
};
