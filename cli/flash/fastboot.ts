/** Boards in fastboot mode, over USB or the network. */
import {
  FASTBOOT_PORT,
  FastbootClient,
  type FastbootTransport,
  memoryBlocks,
  openFastbootTcp,
  openFastbootUdp,
  openFastbootUsb,
  type UsbDevice,
} from '../../flasher/index.ts';
import { finished } from '../cleanup.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { confirm } from './ask.ts';
import { follow } from './follow.ts';
import { prepareAny } from './image.ts';
import type { FlashOptions } from './options.ts';
import { transfer } from './progress.ts';

/** For what the board was promised, when the command is stopped. */
const LAST_WORDS_MS = 2000;

const ADDRESS = /^(tcp|udp):(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/;

/** Opens `tcp:HOST[:PORT]` or `udp:HOST[:PORT]`; an IPv6 address stands in brackets. @throws UsageError at once */
export const fastbootNetwork = (address: string): (() => Promise<FastbootTransport>) => {
  const [, kind, bracketed, plain, said] = ADDRESS.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(said ?? FASTBOOT_PORT);
  if (!host || port < 1 || port > 65535)
    throw new UsageError(
      `${address} is no fastboot address`,
      'write tcp:HOST[:PORT] or udp:HOST[:PORT], an IPv6 address in brackets',
    );
  return () => (kind === 'tcp' ? openFastbootTcp : openFastbootUdp)(host, port);
};

export const flashFastboot = async (
  context: Context,
  at: string | UsbDevice,
  options: FlashOptions,
): Promise<void> => {
  const { output, cleanup } = context;
  const open = typeof at === 'string' ? fastbootNetwork(at) : () => openFastbootUsb(at);
  const prepared = await prepareAny(context, options);
  const name = typeof at === 'string' ? at : at.name;
  const { partition } = options;
  const goal = partition ? `to its partition ${partition}` : 'to its memory, and start it';
  if (options.dryRun) {
    const bytes = prepared.image.bytes.length;
    const line = `would send ${bytes} bytes to ${name}, ${goal}`;
    return output.fact({ event: 'plan', method: 'fastboot', to: name, partition, bytes }, line);
  }
  if (partition) await confirm(context, name, `Overwrite ${partition} of ${name}?`, options.yes);
  const client = new FastbootClient(await open(), {
    signal: cleanup.signal,
    onEvent: (event) => {
      if (event.event === 'info') output.note(event.text);
      else transfer(output, 'send', event.file, event.done, event.total);
    },
  });
  try {
    const image = memoryBlocks('Image', prepared.image.bytes);
    const work = partition ? client.flash(partition, image) : client.boot(image);
    await finished(cleanup, work, LAST_WORDS_MS);
  } finally {
    await client.close();
  }
  await follow(context, options.board ?? name, prepared.image, options);
};
