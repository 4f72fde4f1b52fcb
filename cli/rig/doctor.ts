/** `velocity rig doctor`: whether each board of a bench can be reached, powered, flashed and emulated, without touching it. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { paths } from '../../firmware/index.ts';
import { parseAddress } from '../../link/index.ts';
import { describeHolder, holderOf, type RigBoard } from '../../rig/index.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import { type BenchOptions, chooseBoards, whyUnusable } from './prepare.ts';

type Finding = { readonly what: string; readonly ok: boolean; readonly detail: string };

const inPath = (program: string) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

const serialFinding = ({ serial }: RigBoard): Finding => {
  const address = parseAddress(serial!);
  if (address.kind === 'tcp') return { what: 'serial', ok: true, detail: `${serial}: not tried` };
  const what = 'serial';
  if (!existsSync(address.path))
    return { what, ok: false, detail: `${address.path} does not exist: is the adapter plugged in?` };
  try {
    accessSync(address.path, constants.R_OK | constants.W_OK);
    return { what, ok: true, detail: `${address.path} can be opened` };
  } catch {
    return {
      what,
      ok: false,
      detail: `${address.path} may not be opened by this user: add yourself to its group (ls -l shows it), then log in again`,
    };
  }
};

const powerFinding = ({ power }: RigBoard): Finding => {
  const what = 'power';
  if (power.by === 'none')
    return { what, ok: true, detail: 'not switched: a board that hangs has to be switched by hand' };
  if (power.by === 'command')
    return { what, ok: true, detail: `\`${power.on}\` and \`${power.off}\`: not tried` };
  return inPath('uhubctl')
    ? { what, ok: true, detail: `uhubctl switches port ${power.port} of hub ${power.hub}` }
    : { what, ok: false, detail: 'uhubctl is not installed: apt-get install uhubctl' };
};

const flashFinding = ({ flash }: RigBoard): Finding => {
  const what = 'flash';
  if (flash.by === 'disk' && !existsSync(flash.to))
    return { what, ok: false, detail: `${flash.to} does not exist` };
  if ('firmware_dir' in flash && flash.firmware_dir !== undefined && !existsSync(flash.firmware_dir)) {
    return { what, ok: false, detail: `${flash.firmware_dir} does not exist` };
  }
  return {
    what,
    ok: true,
    detail: flash.by === 'none' ? 'nothing is flashed: it boots what it has' : `by ${flash.by}`,
  };
};

const emulatorFinding = (entry: RigBoard): Finding => {
  const why = whyUnusable(entry);
  return { what: 'emulator', ok: why === undefined, detail: why ?? 'can be emulated' };
};

const lockFinding = (entry: RigBoard): Finding => {
  const holder = holderOf(entry, paths.state);
  return { what: 'lock', ok: true, detail: holder ? `in use by ${describeHolder(holder)}` : 'free' };
};

const findingsOn = (entry: RigBoard): Finding[] =>
  entry.kind === 'emulated'
    ? [emulatorFinding(entry), lockFinding(entry)]
    : [serialFinding(entry), powerFinding(entry), flashFinding(entry), lockFinding(entry)];

/** @throws OutcomeError `failed` when something is amiss */
export const examine = (context: Context, options: BenchOptions): void => {
  const { entries } = chooseBoards(options);
  let amiss = 0;
  for (const entry of entries) {
    for (const finding of findingsOn(entry)) {
      if (!finding.ok) amiss += 1;
      context.output.fact(
        { event: 'finding', board: entry.name, ...finding },
        `${finding.ok ? 'ok    ' : 'amiss '} ${entry.name.padEnd(20)} ${finding.what.padEnd(9)} ${finding.detail}`,
      );
    }
  }
  if (amiss > 0) throw new OutcomeError('failed', `${amiss} things are amiss`);
};
