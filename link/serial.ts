/** Serial ports and pseudo terminals. The binding is passed in, so that a test needs no hardware. */
import { SerialPortStream } from '@serialport/stream';
import { type SerialBinding, systemBinding } from './binding.ts';
import { type LinkError, PermissionError, PortBusyError, UnpluggedError } from './errors.ts';
import { holdersOf } from './holders.ts';
import { StreamTransport } from './stream.ts';
import type { Transport } from './transport.ts';

/** Speed of the kernel's console. */
export const DEFAULT_BAUD = 115200;

export type { SerialBinding } from './binding.ts';
export type SerialOptions = {
  /** Bits per second; both sides must agree, else nothing but noise arrives. Default 115200. */
  readonly baudRate?: number;
  readonly binding?: SerialBinding;
};

/**
 * bindings-cpp reports errno as text ("Error: Permission denied, cannot open /dev/…"). Windows has no owners of ports, and
 * says "Access denied" of one that another program has open.
 */
const openError = (path: string, cause: Error): LinkError => {
  if (/permission denied|EACCES/i.test(cause.message)) return new PermissionError(path, { cause });
  if (/busy|cannot lock|temporarily unavailable|EBUSY|access denied/i.test(cause.message)) {
    return new PortBusyError(path, { cause }, holdersOf(path));
  }
  if (/no such file|not found|ENOENT|ENXIO|no such device/i.test(cause.message)) {
    return new UnpluggedError(path, 'there is no such port', { cause });
  }
  return new UnpluggedError(path, `cannot be opened: ${cause.message}`, { cause });
};

const shut = (port: SerialPortStream) =>
  new Promise<void>((resolve) => {
    if (!port.isOpen) return resolve();
    port.close(() => resolve());
  });

/** @throws UnpluggedError, PermissionError, PortBusyError, NoSerialError */
export const openSerial = async (path: string, options: SerialOptions = {}): Promise<Transport> => {
  const binding = options.binding ?? (await systemBinding());
  return new Promise((resolve, reject) => {
    const port = new SerialPortStream({
      binding,
      path,
      baudRate: options.baudRate ?? DEFAULT_BAUD,
      autoOpen: false,
      hupcl: false, // dropping DTR at close resets some boards
    });
    port.open((cause) => {
      if (cause) reject(openError(path, cause));
      else resolve(new StreamTransport(port, path, () => shut(port)));
    });
  });
};
