/** The USB of this machine: who holds a device is asked of the system. */
import { nodeUsb, type UsbHost } from '../../flasher/index.ts';
import { holdersOf } from '../../link/index.ts';

export const machineUsb = (): UsbHost => nodeUsb({ holdersOf: (path) => holdersOf(path, process.pid) });
