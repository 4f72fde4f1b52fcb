/** Descriptors and standard requests of an emulated device, whatever carries them. */
import type { UsbSetup } from '../../flasher/index.ts';
import { deviceDescriptor, Stall, type UsbDescriptor } from './usb-function.ts';

/** bmAttributes of a bulk endpoint, and its packet size at high speed (USB 2.0 §9.6.6, §5.8.3). */
export const BULK = 2;
export const BULK_PACKET_BYTES = 512;

/** Configuration with its interfaces and endpoints, USB 2.0 §9.6.3 to §9.6.6. */
const configurationDescriptor = ({ interfaces }: UsbDescriptor): Buffer => {
  const parts = interfaces.flatMap((face) => [
    Buffer.from([
      9,
      4,
      face.number,
      0,
      face.endpoints.length,
      face.classCode,
      face.subclassCode,
      face.protocolCode,
      0,
    ]),
    ...face.endpoints.map(({ number, direction }) =>
      Buffer.from([
        7,
        5,
        number | (direction === 'in' ? 0x80 : 0),
        BULK,
        BULK_PACKET_BYTES & 0xff,
        BULK_PACKET_BYTES >> 8,
        0,
      ]),
    ),
  ]);
  const body = Buffer.concat(parts);
  const total = 9 + body.length;
  return Buffer.concat([
    Buffer.from([9, 2, total & 0xff, total >> 8, interfaces.length, 1, 0, 0x80, 250]),
    body,
  ]);
};

const stringDescriptor = (index: number, { serial, serialIndex }: UsbDescriptor): Buffer => {
  if (index === 0) return Buffer.from([4, 3, 0x09, 0x04]);
  if (index !== serialIndex || serial === undefined) throw new Stall();
  const text = Buffer.from(serial, 'utf16le');
  return Buffer.concat([Buffer.from([2 + text.length, 3]), text]);
};

/** GET_DESCRIPTOR and the other standard requests that a host asks; USB 2.0 §9.4. */
export const standardIn = (descriptor: UsbDescriptor, { request, value }: UsbSetup): Uint8Array => {
  const [kind, index] = [value >> 8, value & 0xff];
  if (request === 0) return Buffer.alloc(2); // GET_STATUS
  if (request !== 6) throw new Stall();
  if (kind === 1) return deviceDescriptor(descriptor);
  if (kind === 2) return configurationDescriptor(descriptor);
  if (kind === 3) return stringDescriptor(index, descriptor);
  throw new Stall(); // no device qualifier: it has one speed only
};

export const types = ['standard', 'class', 'vendor'] as const;
export const recipients = ['device', 'interface', 'endpoint'] as const;
