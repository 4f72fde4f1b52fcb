/** The system's serial ports: native code, loaded when a port is named. For some systems nobody built it. */
import type { SerialPortStream } from '@serialport/stream';
import { NoSerialError } from './errors.ts';

export type SerialBinding = ConstructorParameters<typeof SerialPortStream>[0]['binding'];

/** @throws NoSerialError */
export const systemBinding = async (): Promise<SerialBinding> => {
  try {
    return (await import('@serialport/bindings-cpp')).autoDetect();
  } catch (cause) {
    throw new NoSerialError({ cause });
  }
};
