/** `velocity rig device`: an emulated device that this machine's own USB, or network, can be connected to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Board, boardNamed } from '../../boards/index.ts';
import { chips, FASTBOOT_PORT, sha256 } from '../../flasher/index.ts';
import {
  BootRom,
  type ChipName,
  FastbootDevice,
  type Fault,
  fastbootUsb,
  serveFastbootTcp,
  serveFastbootUdp,
  UsbIpServer,
} from '../../rig/emulated/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';

export type DeviceOptions = {
  readonly over: 'usbip' | 'tcp' | 'udp';
  readonly at?: number;
  readonly fault?: Fault;
};

const PLACE = '1-1';
/** Longer than a board is away between its stages. */
const GONE_MS = 3000;
const FOREVER_MS = 2 ** 31 - 1;
const LARGE_PARTITION_BYTES = 256 << 20;

const FAULT = /^(unplug|stall|short|silent)@(\d+)$|^slow@(\d+)$/;

/** `KIND@N`: at the N-th transfer; `slow@N`: each takes N milliseconds. */
export const parseFault = (text: string): Fault => {
  const [, kind, at, ms] = FAULT.exec(text) ?? [];
  if (ms !== undefined) return { kind: 'slow', ms: Number(ms) };
  if (kind !== undefined) return { kind: kind as 'unplug', at: Number(at) };
  throw new UsageError(`${text} is no fault`, 'unplug@N, stall@N, short@N, silent@N or slow@MILLISECONDS');
};

/** @throws UsageError for boards without such a mode */
const chipOfBoard = (name: string): ChipName => {
  const board: Board = boardNamed(name);
  const chip = chips.find(({ ids }) =>
    board.usbBoot?.some(({ vendor, product }) => vendor === ids.vendor && product === ids.product),
  );
  if (chip) return chip.name;
  throw new UsageError(`${name} has no USB boot that is emulated`, 'a Raspberry Pi that has, or fastboot');
};

/** Tells when a device left, by itself or pulled by a fault. */
class Server extends UsbIpServer {
  onLeft: () => void = () => {};

  override detach(...[device]: Parameters<UsbIpServer['detach']>): void {
    super.detach(device);
    this.onLeft();
  }
}

const fastbootDevice = ({ output }: Context): FastbootDevice => {
  const device = new FastbootDevice({
    partitions: { boot: LARGE_PARTITION_BYTES },
    maxDownloadBytes: LARGE_PARTITION_BYTES,
  });
  const take = device.input.bind(device);
  device.input = (packet) => {
    const before = device.commands.length;
    const replies = take(packet);
    for (const command of device.commands.slice(before))
      output.fact({ event: 'command', command, replies }, `${command}: ${replies.join(', ')}`);
    return replies;
  };
  return device;
};

type Plug = (server: Server, fault: Fault | undefined) => void;

const romPlug =
  ({ output }: Context, chip: ChipName): Plug =>
  (server, fault) => {
    const rom: BootRom = new BootRom(chip, server, {
      ...(fault ? { fault } : {}),
      onFile: (name, bytes) =>
        output.fact(
          { event: 'file', name, bytes: bytes.length, sha256: sha256(bytes) },
          `took ${name}: ${bytes.length} bytes, SHA-256 ${sha256(bytes)}`,
        ),
      onEnd: () => {
        output.fact({ event: 'booted', booted: rom.booted }, rom.booted ? 'it boots' : 'it has no kernel');
        setImmediate(() => rom.unplug());
      },
    });
    rom.plugIn(PLACE);
  };

const fastbootPlug =
  (context: Context): Plug =>
  (server, fault) =>
    server.attach(fastbootUsb(fastbootDevice(context), fault), PLACE);

/** After it left it is plugged in anew, and the fault is over: the next try is to work. */
const keepPlugged = async ({ cleanup, output }: Context, server: Server, plug: Plug, fault?: Fault) => {
  plug(server, fault);
  let left = () => {};
  server.onLeft = () => left();
  while (!cleanup.signal.aborted) {
    await new Promise<void>((resolve) => {
      left = resolve;
      cleanup.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await sleep(GONE_MS, undefined, { signal: cleanup.signal }).catch(() => {});
    if (cleanup.signal.aborted || server.attached.length > 0) continue;
    output.fact({ event: 'plugged', place: PLACE }, 'it left, and is plugged in again');
    plug(server, undefined);
  }
};

const overUsbIp = async (context: Context, what: string, plug: Plug, { at, fault }: DeviceOptions) => {
  const server = new Server();
  const port = await server.listen(at);
  context.cleanup.add(() => server.close());
  const attach = `usbip --tcp-port ${port} attach -r 127.0.0.1 -b ${PLACE}`;
  context.output.fact(
    { event: 'serving', what: 'device', device: what, over: 'usbip', port, place: PLACE, attach },
    `${what} is plugged in at 127.0.0.1:${port}; Ctrl-C ends\n  sudo modprobe vhci-hcd\n  sudo ${attach}      again each time that it comes back`,
  );
  await keepPlugged(context, server, plug, fault);
};

const overNetwork = async (context: Context, over: 'tcp' | 'udp', at: number | undefined) => {
  const serve = over === 'tcp' ? serveFastbootTcp : serveFastbootUdp;
  const server = await serve(fastbootDevice(context), {}, at ?? FASTBOOT_PORT);
  context.cleanup.add(() => server.close());
  const address = `${over}:127.0.0.1:${server.port}`;
  context.output.fact(
    { event: 'serving', what: 'device', device: 'fastboot', over, port: server.port, address },
    `a board in fastboot mode is at ${address}; Ctrl-C ends`,
  );
  await sleep(FOREVER_MS, undefined, { signal: context.cleanup.signal }).catch(() => {});
};

/** Until Ctrl-C. @throws UsageError */
export const serveDevice = async (context: Context, what: string, options: DeviceOptions): Promise<void> => {
  if (options.over !== 'usbip') {
    if (what !== 'fastboot') throw new UsageError(`${what} has no network mode`, '--over usbip');
    if (options.fault) throw new UsageError('--fault is one of USB transfers', '--over usbip');
    return overNetwork(context, options.over, options.at);
  }
  if (what === 'fastboot')
    return overUsbIp(context, 'a board in fastboot mode', fastbootPlug(context), options);
  const chip = chipOfBoard(what);
  return overUsbIp(context, `${what}, a ${chip} in USB boot mode,`, romPlug(context, chip), options);
};
