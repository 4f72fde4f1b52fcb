/** The flasher's page: connect, choose, write, see it start. Everything that can go wrong ends in a sentence and a next step. */
import { type Board, boards } from '../../../boards/index.ts';
import { type FileSource, listAttached, type UsbHost, webUsb } from '../../../flasher/index.ts';
import type { WebSerialPort } from '../../../link/index.ts';
import { UNTIL_RESET } from '../../flash/running.ts';
import { chooseSerial, chooseUsb, serial, usb } from '../devices.ts';
import { at, show } from '../dom.ts';
import { chosenFirmware, servedFirmware } from './firmware.ts';
import { type LoadedImage, loadFacts, loadFiles, loadServed, loadTree } from './image.ts';
import { Line } from './line.ts';
import type { Facts } from './served.ts';
import {
  clearProblem,
  drawConsole,
  drawImage,
  drawProblem,
  drawProgress,
  drawResult,
  drawSteps,
  drawTargets,
  drawWhich,
  log,
  prepareHelp,
  say,
} from './view.ts';
import { overLine, type Target, write } from './write.ts';

const host: UsbHost = usb ? webUsb(usb) : { list: async () => [] };
/** A board that no id tells apart: they all take the same image. */
const ANY: Board[] = Object.values(boards).filter(({ bootPath }) => bootPath !== 'virtual');

let facts: Facts | undefined;
let loaded: LoadedImage | undefined;
let firmware: FileSource | undefined;
let targets: readonly Target[] = [];
let selected = 0;
let port: WebSerialPort | undefined;
let line: Line | undefined;
let running: AbortController | undefined;
/** What was written and is not yet seen to run. */
let written: { readonly name: string; readonly until?: string } | undefined;
/** Which kind the person chose among the targets. */
let preferred: Target['kind'] | undefined;

const target = () => targets[selected];
const candidates = (): readonly Board[] => {
  const now = target();
  if (now?.kind === 'running') return []; // it says itself what it is
  const found = now?.kind === 'usb' ? now.attached.boards : [];
  return found.length > 0 ? found : ANY;
};
const board = (): Board | undefined => boards[at<HTMLSelectElement>('board').value];
const canBeWritten = () => {
  const now = target();
  if (now?.kind !== 'usb') return now !== undefined;
  return now.attached.mode === 'rpiboot' || now.attached.mode === 'fastboot';
};

const nextStep = () => {
  if (at('result').classList.contains('good')) return 'Done.';
  if (!target()) return 'Choose a board first.';
  if (!canBeWritten()) return 'This board takes no image in this mode: see the steps above.';
  return loaded ? 'Ready.' : 'Choose an image first.';
};

const draw = () => {
  const now = target();
  drawTargets(targets, selected, select);
  drawWhich(now ? candidates() : [], board()?.name);
  const steps = now?.kind === 'usb' ? now.attached.steps : [];
  drawSteps(now?.kind === 'usb' ? `${now.attached.what}: what to do` : '', steps);
  const mode = now?.kind === 'usb' ? now.attached.mode : undefined;
  show('place', mode === 'fastboot');
  show('firmware-row', mode === 'rpiboot');
  if (firmware) at('firmware').textContent = `Raspberry Pi firmware from ${firmware.describe}.`;
  at('line').textContent = port ? (line ? `listening on ${line.name}` : 'the serial line is closed') : '';
  at<HTMLButtonElement>('flash').disabled = running !== undefined || !canBeWritten() || !loaded;
  show('cancel', running !== undefined);
  if (!running) say(nextStep());
};

const select = (index: number) => {
  preferred = targets[index]?.kind;
  selected = index;
  draw();
};

/** What a serial line may lead to; nothing is sent to find out, since that would stop a boot loader. */
const lineTargets = (): Target[] => {
  if (!port || !line) return [];
  const uBoot: Target = { kind: 'u-boot', port, name: line.name };
  const kernel: Target = { kind: 'running', line };
  return line.isUp ? [kernel, uBoot] : [uBoot, kernel];
};

/** Looks again at what is there; a board that stays where it was stays chosen, and for one that left none is taken unasked. */
const refresh = async () => {
  if (running) return;
  const before = target();
  const found = (await listAttached(host)).map((attached): Target => ({ kind: 'usb', attached }));
  targets = [...found, ...lineTargets()];
  const same = (one: Target) =>
    before?.kind === 'usb'
      ? one.kind === 'usb' && one.attached.device === before.attached.device
      : one.kind !== 'usb' && one.kind === (preferred ?? one.kind);
  const stays = targets.findIndex(same);
  if (targets.length === 0) selected = 0;
  else if (selected >= 0) selected = before ? stays : Math.max(0, stays);
  draw();
};

/** Runs what a person asked for; what goes wrong is shown. */
const attempt = (work: () => Promise<unknown>) => async () => {
  try {
    await work();
  } catch (error) {
    drawProblem(error);
  }
  await refresh().catch(drawProblem);
};

const openLine = async (chosen: WebSerialPort) => {
  port = chosen;
  const refreshed = () => void refresh();
  let opened: Line | undefined;
  opened = await Line.open(chosen, drawConsole, refreshed, (cause) => {
    if (line === opened) line = undefined; // another one may be open by now
    if (cause) drawConsole(`— ${cause.message}`);
    refreshed();
  });
  line = opened;
};

const follow = async () => {
  if (!written || !loaded) return;
  const { name, until } = written;
  if (!line) return drawResult(`${name} is written; choose its serial line to see it start.`, false);
  drawResult(`Waiting for ${name}…`, false);
  try {
    const { build, measured } = await line.follow({ name }, loaded);
    const checked = measured ? ', and what it measures of itself is what was written' : '';
    drawResult(`${name} runs velocity ${build}${checked}${until ? `, ${until}` : ''}`, true);
    written = undefined;
  } catch (error) {
    drawResult(`${name} is written, and was not seen to run it.`, false);
    throw error;
  }
};

const chooseLine = async () => {
  const chosen = await chooseSerial();
  if (!chosen) return;
  clearProblem();
  const before = line;
  line = undefined;
  await refresh(); // what went over it cannot be started any more
  await before?.close();
  await openLine(chosen);
  if (written) await follow();
};

const place = (): string | undefined =>
  document.querySelector<HTMLInputElement>('input[name="place"]:checked')?.value === 'partition'
    ? at<HTMLInputElement>('partition').value.trim()
    : undefined;

const report = {
  step: (text: string) => {
    log(text);
    say(text);
  },
  progress: (file: string, done: number, total: number) => {
    drawProgress(file, done, total);
    if (done === total) log(`sent ${file}: ${total.toLocaleString('en')} bytes`);
  },
  awaitsDevice: (waiting: boolean) => show('again-row', waiting),
};

/** @returns what was written to */
const writeNow = async (to: Target, which: Board | undefined, image: LoadedImage, signal: AbortSignal) => {
  if (to.kind === 'running')
    return { name: await overLine(to.line, image, signal, report), until: UNTIL_RESET };
  if (!which) return undefined;
  const partition = to.kind === 'usb' && to.attached.mode === 'fastboot' ? place() : undefined;
  if (to.kind === 'u-boot') await line?.close(); // the transfer needs the port for itself
  const tree = facts && (await loadTree(facts, which.name));
  await write(host, { target: to, board: which, loaded: image, tree, firmware, partition, signal }, report);
  if (to.kind === 'u-boot') await openLine(to.port);
  return { name: which.name };
};

const flash = async () => {
  const [to, which, image] = [target(), board(), loaded];
  if (!to || !image || running) return;
  running = new AbortController();
  written = undefined;
  line?.expectStart();
  clearProblem();
  at('log').replaceChildren();
  drawResult('', false);
  draw();
  try {
    written = await writeNow(to, which, image, running.signal);
    say('Written.');
    await follow();
  } finally {
    running = undefined;
    show('again-row', false);
    show('progress-row', false);
  }
};

const takeFiles = async () => {
  const files = Array.from(at<HTMLInputElement>('files').files ?? []);
  if (files.length === 0 || !facts) return;
  loaded = undefined;
  drawImage(loaded);
  clearProblem();
  loaded = await loadFiles(files, facts);
  drawImage(loaded);
};

const takeFirmware = async () => {
  const files = Array.from(at<HTMLInputElement>('firmware-files').files ?? []);
  if (files.length > 0) firmware = await chosenFirmware(files);
};

const start = async () => {
  drawImage(undefined);
  facts = await loadFacts();
  firmware = await servedFirmware(facts);
  loaded = await loadServed(facts);
  drawImage(loaded);
};

const lacking = [...(usb ? [] : ['WebUSB']), ...(serial ? [] : ['Web Serial'])];
if (lacking.length > 0) {
  at('unable').textContent =
    `This browser has no ${lacking.join(' and no ')}. Open this page in Chromium, Chrome or Edge, or use the command velocity flash.`;
  show('unable', true);
}
at<HTMLButtonElement>('choose-usb').disabled = !usb;
at<HTMLButtonElement>('choose-line').disabled = !serial;
prepareHelp();
at('choose-usb').addEventListener(
  'click',
  attempt(async () => void (await chooseUsb())),
);
at('again').addEventListener('click', () => void chooseUsb().catch(drawProblem));
at('choose-line').addEventListener('click', attempt(chooseLine));
at('flash').addEventListener('click', attempt(flash));
at('cancel').addEventListener('click', () => running?.abort());
at('files').addEventListener('change', attempt(takeFiles));
at('firmware-files').addEventListener('change', attempt(takeFirmware));
at('board').addEventListener('change', draw);
usb?.addEventListener('connect', () => void refresh());
usb?.addEventListener('disconnect', () => void refresh());
void attempt(start)();
