/** Interfaces of a device, and who has them, as Linux keeps both in sysfs for everyone to read: nothing is opened. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { UsbEndpoint, UsbIds, UsbInterface } from './device.ts';

const SYSFS = '/sys/bus/usb/devices';

/** bDescriptorType, USB 2.0 table 9-5. */
const kind = { device: 1, configuration: 2, interface: 4, endpoint: 5 } as const;
const LEAST_BYTES = { [kind.device]: 18, [kind.interface]: 9, [kind.endpoint]: 7 } as const;
/** bmAttributes of an endpoint, bits 0 and 1 (USB 2.0 §9.6.6); a control endpoint is none of these. */
const transferTypes = [undefined, 'isochronous', 'bulk', 'interrupt'] as const;

/** The descriptors in their order. One that is cut short, or says that it has no length, ends them. */
function* split(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const one = bytes.subarray(at, at + bytes[at]!);
    const least = LEAST_BYTES[one[1] as keyof typeof LEAST_BYTES] ?? 2;
    if (one.length < Math.max(least, bytes[at]!)) return;
    yield one;
    at += one.length;
  }
}

const endpointOf = (one: Uint8Array): UsbEndpoint | undefined => {
  const type = transferTypes[one[3]! & 3];
  return type && { number: one[2]! & 15, direction: one[2]! & 0x80 ? 'in' : 'out', type };
};

/** Of the device descriptor and its first configuration, each interface in its first setting. */
export const parseDescriptors = (bytes: Uint8Array): { ids: UsbIds; interfaces: UsbInterface[] } => {
  const found: { ids: UsbIds; interfaces: UsbInterface[] } = {
    ids: { vendor: 0, product: 0 },
    interfaces: [],
  };
  let endpoints: UsbEndpoint[] = [];
  let configurations = 0;
  for (const one of split(bytes)) {
    if (one[1] === kind.device)
      found.ids = { vendor: one[8]! | (one[9]! << 8), product: one[10]! | (one[11]! << 8) };
    if (one[1] === kind.configuration && ++configurations > 1) break;
    if (one[1] === kind.interface) {
      endpoints = [];
      const [, , number, alternate, , classCode, subclassCode, protocolCode] = one as unknown as number[];
      if (alternate === 0)
        found.interfaces.push({
          number: number!,
          classCode: classCode!,
          subclassCode: subclassCode!,
          protocolCode: protocolCode!,
          endpoints,
        });
    }
    if (one[1] === kind.endpoint) endpoints.push(...[endpointOf(one)].filter((end) => end !== undefined));
  }
  return found;
};

/** Undefined where there is no sysfs, or another device is plugged in there by now. */
export const sysfsInterfaces = (
  location: string,
  ids: UsbIds,
  folder = SYSFS,
): UsbInterface[] | undefined => {
  try {
    const read = parseDescriptors(readFileSync(join(folder, location, 'descriptors')));
    const isSame = read.ids.vendor === ids.vendor && read.ids.product === ids.product;
    return isSame ? read.interfaces : undefined;
  } catch {
    return undefined;
  }
};

/** The driver that is bound to an interface; usbfs is a program that claimed it. Undefined where there is none, or no sysfs. */
export const sysfsDriver = (
  location: string,
  interfaceNumber: number,
  folder = SYSFS,
): string | undefined => {
  try {
    const isIt = (name: string) => name.startsWith(`${location}:`) && name.endsWith(`.${interfaceNumber}`);
    const name = readdirSync(folder).find(isIt); // LOCATION:CONFIGURATION.INTERFACE
    return name && basename(readlinkSync(join(folder, name, 'driver')));
  } catch {
    return undefined;
  }
};
