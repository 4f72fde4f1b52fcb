/** A Raspberry Pi in USB boot mode: the image starts from memory, nothing is written. */
import { type Board, boardNamed } from '../../boards/index.ts';
import { vendorTree } from '../../firmware/media/index.ts';
import {
  type Attached,
  firmwareSource,
  layered,
  type RpibootEvent,
  rpiboot,
  type UsbHost,
  WrongModeError,
} from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { follow } from './follow.ts';
import { filesFor, prepare } from './image.ts';
import type { FlashOptions } from './options.ts';
import { transfer } from './progress.ts';

const boardOf = ({ boards, what, device, steps }: Attached, named: string | undefined): Board => {
  const names = boards.map(({ name }) => name).join(', ');
  if (boards.length === 0) throw new WrongModeError(device.name, what, steps.join('; '));
  const board = named === undefined ? undefined : boardNamed(named);
  if (board && !boards.includes(board)) {
    throw new WrongModeError(device.name, `is a ${what}, not ${board.name}`, `it may be ${names}`);
  }
  if (board) return board;
  if (boards.length === 1) return boards[0]!;
  throw new UsageError(`${device.name} may be ${names}`, 'say which: --board NAME');
};

export const showBoot =
  ({ output }: Context, { onMoved }: FlashOptions) =>
  (event: RpibootEvent) => {
    if (event.event === 'send') transfer(output, 'send', event.file, event.done, event.total);
    if (event.event === 'moved') {
      onMoved?.(event.to);
      output.note(`it came back on ${event.to}`);
    }
    if (event.event === 'stage') {
      const what = event.stage === 'rom' ? 'boot ROM' : 'second stage';
      output.fact(event, `${event.device}: ${event.chip}, ${what}`);
    }
  };

export const flashRaspberryPi = async (
  context: Context,
  host: UsbHost,
  attached: Attached,
  options: FlashOptions,
): Promise<void> => {
  const board = boardOf(attached, options.board);
  if (!options.firmwareDir) {
    throw new UsageError(
      `${board.name} needs the Raspberry Pi firmware to start over USB, and velocity may not ship it`,
      'name its folder: --firmware-dir DIR (bootcode*.bin of github.com/raspberrypi/usbboot with the files of github.com/raspberrypi/firmware/boot)',
    );
  }
  const firmware = firmwareSource(options.firmwareDir);
  const tree = await vendorTree(board, firmware);
  const { image, parts } = await prepare(context, board, options);
  const { source, required } = filesFor(board, { ...parts, firmware: tree });
  if (options.dryRun) {
    const line = `would start ${board.name} on ${attached.device.location} with build ${image.build}`;
    return context.output.fact(
      { event: 'plan', method: 'rpiboot', to: attached.device.location, board: board.name },
      line,
    );
  }
  await rpiboot(host, attached.device, {
    source: layered([source, firmware]),
    required,
    ...(options.all ? { staysInPlace: true } : {}),
    signal: context.cleanup.signal,
    onEvent: showBoot(context, options),
  });
  await follow(context, board.name, image, options);
};
