/**
 * USB boot beside balena's node-raspberrypi-usbboot: both send the same files to the same emulated board, in turns, in one
 * guest with a real Linux USB stack. The guest is emulated too, so besides the time that the board sees pass between the
 * last byte of a small file and that of the last one (27 MB), the processor time that the guest's machine took meanwhile is
 * compared, which other work of this machine moves less, and the number of USB transfers, which nothing moves.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { balenaFolder } from '../../../cli/flash-peers.ts';
import { root } from '../../../firmware/index.ts';
import { type GuestTools, runGuest } from '../../../rig/emulated/guest/boot.ts';
import { withBundle } from '../../../rig/emulated/guest/bundle.ts';
import { BootRom, type ScriptStep, type UsbRedirPort } from '../../../rig/emulated/index.ts';
import type { Metric } from '../metric.ts';
import { RATE_GOAL_PERCENT, shareOf } from './rounds.ts';

export const FILES = join(balenaFolder, 'node_modules/node-raspberrypi-usbboot/blobs/raspberrypi');
const NAMES = ['start_cd.elf', 'kernel.img', 'kernel7.img'];
const ROUNDS = 15;
/** So many say something where a loaded machine has no time for all. */
const LEAST_ROUNDS = 5;
/** The first of each reads its program from this machine's disk. */
const WARM_UP = 1;
/** Of an emulated guest, on a machine with other work: a try takes 2 s on an idle one. */
const TIMEOUT_MS = 900_000;
const PEER = 'node-raspberrypi-usbboot';

const SCRIPT: ScriptStep[] = NAMES.flatMap((name) => [
  { ask: 'size', name },
  { ask: 'read', name },
]);

/** Nanoseconds that all threads of a process were on a processor (Linux, Documentation/scheduler/sched-stats.rst). */
const processorNs = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((a, b) => a + b, 0);

/** What stood where when a file had come whole. */
type Mark = { readonly ms: number; readonly work: number; readonly transfers: number };

/** Plugged in when the guest asks for the next board; leaves USB when it has everything. */
class Boards {
  readonly payloads: Mark[] = [];
  readonly #port: UsbRedirPort;
  #rom: BootRom | undefined;

  constructor(port: UsbRedirPort) {
    this.#port = port;
  }

  next(pid: number): void {
    this.#rom?.unplug();
    const now = (): Mark => ({ ms: performance.now(), work: processorNs(pid), transfers: rom.transfers });
    let from: Mark | undefined;
    const onFile = (name: string) => {
      if (name === NAMES[0]) from = now();
      if (name === NAMES.at(-1)) this.#done(from!, now());
    };
    const rom = new BootRom('BCM2837', this.#port, { script: SCRIPT, leaves: true, onFile });
    this.#rom = rom;
    rom.plugIn();
  }

  #done(from: Mark, to: Mark): void {
    const difference = (key: keyof Mark) => to[key] - from[key];
    this.payloads.push({
      ms: difference('ms'),
      work: difference('work'),
      transfers: difference('transfers'),
    });
  }
}

/** Ends when the second stage left USB. */
const peerProgram = `const { usb } = require('usb'); const { UsbbootScanner } = require('${PEER}');
usb.on('detach', (d) => d.deviceDescriptor.iSerialNumber === 1 && process.exit(0));
new UsbbootScanner().start(); setTimeout(() => process.exit(1), 120000);`.replaceAll('\n', ' ');

const NEXT = 'next board';

/** Both take turns; theirs first. */
const script = (program: string) => {
  const peer = `echo; echo ${NEXT}; cd ${balenaFolder} && ${process.execPath} -e "${peerProgram}"`;
  const own = `echo; echo ${NEXT}; cd ${root} && ${process.execPath} ${program} ${FILES}`;
  return Array.from({ length: WARM_UP + ROUNDS }, () => `${peer}; ${own}`).join('; ');
};

const measure = async (tools: GuestTools, program: string): Promise<Mark[]> => {
  let boards: Boards | undefined;
  let said = '';
  let asked = 0;
  const hear = (text: string, pid: number) => {
    said += text;
    const count = said.split(NEXT).length - 1;
    if (count > asked) boards?.next(pid);
    asked = count;
  };
  const onPort = (port: UsbRedirPort) => {
    boards = new Boards(port);
  };
  await runGuest(tools, { script: script(program), ports: [onPort], timeoutMs: TIMEOUT_MS, onSaid: hear });
  const payloads = boards?.payloads ?? [];
  const whole = Math.floor(payloads.length / 2);
  if (whole >= WARM_UP + LEAST_ROUNDS) return payloads.slice(2 * WARM_UP, 2 * whole);
  throw new Error(`only ${payloads.length} boards were booted: ${said.slice(-2000)}`);
};

export const bootMetrics = (tools: GuestTools): Promise<Metric[]> =>
  withBundle(root, join(import.meta.dirname, 'program.ts'), async (program) => {
    const payloads = await measure(tools, program);
    const every = (key: keyof Mark, turn: number) =>
      payloads.filter((_, at) => at % 2 === turn).map((one) => one[key]);
    const share = (metric: string, key: keyof Mark, what: string) =>
      shareOf(metric, every(key, 1), every(key, 0), what, RATE_GOAL_PERCENT);
    return [
      share('rpiboot_payload', 'ms', `the time of ${PEER}`),
      share('rpiboot_payload_processor', 'work', `the processor time with ${PEER}`),
      share('rpiboot_payload_transfers', 'transfers', `the transfers of ${PEER}`),
    ];
  });
