/** The devices of a browser: which ones it has at all, and asking the person to choose one. */
import { boards } from '../../boards/index.ts';
import { chips, type WebUsb, type WebUsbDevice } from '../../flasher/index.ts';
import type { WebSerialPort } from '../../link/index.ts';

type Filter = {
  readonly vendorId?: number;
  readonly productId?: number;
  readonly classCode?: number;
  readonly subclassCode?: number;
  readonly protocolCode?: number;
};
type Events = { addEventListener(kind: 'connect' | 'disconnect', listener: () => void): void };

export type PageUsb = WebUsb &
  Events & { requestDevice(options: { filters: Filter[] }): Promise<WebUsbDevice> };
export type PageSerial = Events & {
  getPorts(): Promise<WebSerialPort[]>;
  requestPort(): Promise<WebSerialPort>;
};

type Devices = { readonly usb?: PageUsb; readonly serial?: PageSerial };

/** Chromium and browsers made from it have both. */
export const { usb, serial } = navigator as Devices;

/** AOSP fastboot/README.md. */
const FASTBOOT: Filter = { classCode: 0xff, subclassCode: 0x42, protocolCode: 0x03 };
const NVIDIA: Filter = { vendorId: 0x0955 };

const filters = (): Filter[] => [
  ...[...chips.map(({ ids }) => ids), ...Object.values(boards).flatMap(({ usbBoot }) => usbBoot ?? [])].map(
    ({ vendor, product }) => ({ vendorId: vendor, productId: product }),
  ),
  NVIDIA,
  FASTBOOT,
];

/** A person who closes the browser's list has chosen nothing: that is no error. */
const orNothing = async <T>(chosen: Promise<T>): Promise<T | undefined> => {
  try {
    return await chosen;
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined;
    throw error;
  }
};

export const chooseUsb = async (): Promise<WebUsbDevice | undefined> =>
  usb && orNothing(usb.requestDevice({ filters: filters() }));

export const chooseSerial = async (): Promise<WebSerialPort | undefined> =>
  serial && orNothing(serial.requestPort());
