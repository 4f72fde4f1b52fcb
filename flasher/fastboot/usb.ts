/** Fastboot over USB: interface ff/42/03 with two bulk endpoints (AOSP fastboot/README.md). */
import { WrongModeError } from '../errors.ts';
import type { UsbDevice, UsbInterface } from '../usb/index.ts';
import { type FastbootTransport, REPLY_BYTES } from './transport.ts';

const CHUNK_BYTES = 256 * 1024;

const isFastboot = ({ classCode, subclassCode, protocolCode }: UsbInterface) =>
  classCode === 0xff && subclassCode === 0x42 && protocolCode === 0x03;

export const fastbootInterface = (device: UsbDevice): UsbInterface | undefined =>
  device.interfaces.find(isFastboot);

const endpoint = (face: UsbInterface, direction: 'in' | 'out') =>
  face.endpoints.find((one) => one.type === 'bulk' && one.direction === direction)?.number;

const endpoints = (device: UsbDevice) => {
  const face = fastbootInterface(device);
  const [input, output] = face ? [endpoint(face, 'in'), endpoint(face, 'out')] : [];
  if (face && input !== undefined && output !== undefined) return { number: face.number, input, output };
  throw new WrongModeError(device.name, 'is not in fastboot mode', 'start it: `fastboot usb 0` in U-Boot');
};

/** @throws WrongModeError, PermissionError, BusyError, UnpluggedError */
export const openFastbootUsb = async (device: UsbDevice): Promise<FastbootTransport> => {
  const { number, input, output } = endpoints(device);
  await device.open(number);
  return {
    name: device.name,
    chunkBytes: CHUNK_BYTES,
    send: (packet, timeoutMs) => device.bulkOut(output, packet, timeoutMs),
    receive: (timeoutMs) => device.bulkIn(input, REPLY_BYTES, timeoutMs),
    close: () => device.close(),
  };
};
