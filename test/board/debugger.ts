/**
 * Speaks GDB's remote protocol to an emulated board (GDB manual, appendix E): tests use it to put a core into states
 * that no request can, so that the kernel needs no back door for them.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ANSWER_MS = 5000;

/** Register numbers of QEMU's AArch64 target description. */
export const registers = { sp: 31, pc: 32 } as const;

export type DebugPort = {
  readonly extra: readonly string[];
  readonly path: string;
  readonly remove: () => void;
};

/** A place for the debugger's socket, and the QEMU options that open it. */
export const debugPort = (): DebugPort => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-gdb-'));
  const path = join(folder, 'gdb');
  return {
    path,
    extra: ['-gdb', `unix:${path},server=on,wait=off`],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

const packet = (body: string) => {
  const sum = [...body].reduce((total, char) => (total + char.charCodeAt(0)) & 0xff, 0);
  return `$${body}#${sum.toString(16).padStart(2, '0')}`;
};

const littleEndian = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.toString('hex');
};

/** Sends commands one after the other; each answer is the next packet that arrives. */
const conversation = (socket: Socket) => {
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  return async (body: string): Promise<string> => {
    received = '';
    socket.write(packet(body));
    for (let waited = 0; waited < ANSWER_MS; waited += 5) {
      const answer = /\$([^#]*)#../.exec(received)?.[1];
      if (answer !== undefined) {
        socket.write('+');
        return answer;
      }
      await delay(5);
    }
    throw new Error(`the emulator's debugger did not answer ${body}`);
  };
};

/** Stops the board, sets registers of core 0, and lets it go on. */
export const setRegisters = async (path: string, values: Readonly<Record<number, bigint>>): Promise<void> => {
  const socket = connect(path);
  await once(socket, 'connect');
  const ask = conversation(socket);
  try {
    for (const [number, value] of Object.entries(values)) {
      const answer = await ask(`P${Number(number).toString(16)}=${littleEndian(value)}`);
      if (answer !== 'OK') throw new Error(`the emulator refused to set register ${number}: ${answer}`);
    }
    await ask('D');
  } finally {
    socket.destroy();
  }
};
