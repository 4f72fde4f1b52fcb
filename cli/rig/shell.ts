/** `velocity rig shell`: one board of the bench in a person's hands. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { paths } from '../../firmware/index.ts';
import { canSwitch, type Device, lockBoard, powerCycle, pressReset, switchPower } from '../../rig/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { Attendant } from './attendant.ts';
import { type BenchOptions, buildImages, chooseBoards, needsQemu } from './prepare.ts';

const RESTART_MS = 60_000;

type Shell = { readonly device: Device; readonly say: (line: string) => void };
type Verb = { readonly help: string; readonly run: (shell: Shell, argument: string) => Promise<void> };

const power = async ({ device, say }: Shell, to: string) => {
  const { name, power: how } = device.entry;
  if (!canSwitch(how)) return say(`${name} has no switch in the bench file`);
  if (to === 'on' || to === 'off') await switchPower(name, how, to);
  else await powerCycle(name, how);
  say(`power ${to || 'off and on'}`);
};

const reset = async ({ device, say }: Shell, how: string) => {
  const { control } = device.powered;
  const button = how === 'button' && control ? () => pressReset(control) : () => device.link.reset();
  await device.restart(button, RESTART_MS);
  say('it runs again');
};

const info = async ({ device, say }: Shell) => {
  const { board, version, build, cores, sequence } = await device.link.info();
  say(`${board}: velocity ${version} ${build}, ${cores} cores, patch sequence ${sequence}`);
};

const modules = async ({ device, say }: Shell) => {
  const all = await device.link.telemetryAll();
  for (const { name, version, calls, cycles } of all) {
    say(`${name} v${version}: ${calls} calls, ${calls > 0n ? cycles / calls : 0n} cycles a call`);
  }
  if (all.length === 0) say('no modules');
};

const verbs: Readonly<Record<string, Verb>> = {
  help: { help: 'this list', run: async ({ say }) => say(helpText()) },
  info: { help: 'what the board is and runs', run: info },
  modules: { help: 'installed modules and their counters', run: modules },
  reset: { help: 'restart it; `:reset button` presses the reset button of an emulated board', run: reset },
  power: { help: '`:power on`, `:power off`, or off and on', run: power },
};

const helpText = () =>
  [
    'What you type goes to the board; its own commands are listed by `help`.',
    ...Object.entries(verbs).map(([name, { help }]) => `  :${name.padEnd(8)} ${help}`),
    '  :quit     the end, also Ctrl-D',
  ].join('\n');

const obey = async (shell: Shell, line: string) => {
  const [name = '', argument = ''] = line.slice(1).split(/\s+/, 2);
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (!verb) return shell.say(`there is no :${name}; :help lists what there is`);
  try {
    await verb.run(shell, argument);
  } catch (error) {
    shell.say((error as Error).message);
  }
};

const converse = async (context: Context, shell: Shell): Promise<void> => {
  const lines = createInterface({ input: process.stdin, terminal: false });
  const stop = () => lines.close();
  context.cleanup.signal.addEventListener('abort', stop);
  for await (const line of lines) {
    if (/^:(quit|exit|q)\b/.test(line)) break;
    if (line.startsWith(':')) await obey(shell, line);
    else await shell.device.line.write(Buffer.from(`${line}\n`));
  }
  lines.close();
};

/** Exactly one board: the rest of the bench stays free for others. */
const oneBoard = (options: BenchOptions) => {
  const { entries } = chooseBoards({
    ...options,
    twins: options.boards?.some((name) => name.endsWith('/twin')) ?? false,
  });
  if (entries.length === 1) return entries[0]!;
  throw new UsageError(
    'a shell is for one board',
    `choose it with --board: ${entries.map(({ name }) => name).join(', ')}`,
  );
};

export const openShell = async (
  context: Context,
  options: BenchOptions & { readonly wait: number },
): Promise<void> => {
  const entry = oneBoard(options);
  const { output, cleanup } = context;
  needsQemu([entry], (line) => output.note(line));
  const lock = {
    root: paths.state,
    command: 'velocity rig shell',
    waitMs: options.wait * 1000,
    say: (line: string) => output.note(line),
  };
  cleanup.add(await lockBoard(entry, lock));
  const imagesFor = await buildImages([entry.board], (text) => output.progress(text));
  const folder = mkdtempSync(join(tmpdir(), 'velocity-rig-'));
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  const attendant = new Attendant({ entry, images: imagesFor(entry.board), suites: [], folder }, (event) => {
    if (event.event === 'phase') output.note(`${event.phase}: ${event.cause?.sentence ?? event.detail}`);
  });
  cleanup.add(() => attendant.end());
  await attendant.start();
  const { device } = attendant;
  const say = (line: string) => output.fact({ event: 'said', by: 'rig', line }, line);
  device.link.onConsole((line) => output.fact({ event: 'said', by: 'board', line }, line));
  output.note(`${entry.name} runs; :help lists what you can do`);
  await converse(context, { device, say });
};
