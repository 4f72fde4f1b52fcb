/** First stage: sends the boot ROM its second stage, and waits until that shows up. */
import { NoDeviceError, RefusedError } from '../errors.ts';
import { type UsbDevice, type UsbHost, waitForDevice } from '../usb/index.ts';
import type { Chip } from './chips.ts';
import { forChip } from './files.ts';
import type { RpibootOptions } from './index.ts';
import { type BootPort, bootMessage, defaultLimits } from './protocol.ts';

const STATUS_BYTES = 4;

/** @throws NoDeviceError when no source has the chip's second stage */
export const bootcodeFor = async (
  chip: Chip,
  { source }: Pick<RpibootOptions, 'source'>,
): Promise<Uint8Array> => {
  const files = forChip(source, chip);
  for (const name of chip.bootcode) {
    const bytes = await files.read(name);
    if (bytes && bytes.length > 0) return bytes;
  }
  throw new NoDeviceError(`${chip.bootcode[0]} for ${chip.name} in ${source.describe}`, {
    hint: 'name a folder by --firmware-dir: bootcode*.bin of github.com/raspberrypi/usbboot (that of its recovery folders writes the EEPROM), all else of github.com/raspberrypi/firmware/boot',
  });
};

export const sendBootcode = async (port: BootPort, chip: Chip, options: RpibootOptions): Promise<void> => {
  const bytes = await bootcodeFor(chip, options);
  const total = bytes.length;
  const say = (done: number) =>
    options.onEvent?.({ event: 'send', stage: 'rom', file: chip.bootcode[0]!, done, total });
  await port.write(bootMessage(total));
  say(0);
  await port.write(bytes, say);
  const answer = await port.read(STATUS_BYTES);
  const status = new DataView(answer.buffer, answer.byteOffset).getInt32(0, true);
  if (status === 0) return;
  throw new RefusedError(port.device.name, `${chip.name} refused ${chip.bootcode[0]} (status ${status})`, {
    hint: 'the file is for another chip, damaged, or not signed for a board that is locked to signed code',
  });
};

const causes = [
  'the power supply is too weak (Raspberry Pi 5: 900 mA from a USB 3 port)',
  'a hub or a USB extension lies between',
  'the second stage is not the one for this chip',
];

/** The same chip again, attached anew, at the same place or at another port. */
export const waitForSecondStage = async (
  host: UsbHost,
  rom: UsbDevice,
  before: ReadonlySet<string>,
  options: RpibootOptions,
): Promise<UsbDevice> => {
  const timeoutMs = (options.limits ?? defaultLimits).reappearMs;
  const isSame = ({ ids, location }: UsbDevice) =>
    ids.vendor === rom.ids.vendor &&
    ids.product === rom.ids.product &&
    (!options.staysInPlace || location === rom.location);
  const device = await waitForDevice(host, isSame, {
    what: 'the second stage after the boot ROM took it',
    timeoutMs,
    location: rom.location,
    except: before,
    causes,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  if (device.location !== rom.location) {
    options.onEvent?.({ event: 'moved', from: rom.location, to: device.location });
  }
  return device;
};
