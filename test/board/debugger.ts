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

const ANSWER_MS = 60_000;

/** Register numbers of QEMU's AArch64 target description. */
export const registers = { x0: 0, x5: 5, sp: 31, pc: 32, cpsr: 33 } as const;

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

type Ask = (body: string) => Promise<string>;

/** Sends commands one after the other; each answer is the next packet that arrives. */
const conversation = (socket: Socket): Ask => {
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  return async (body) => {
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

const checked = async (ask: Ask, command: string) => {
  const answer = await ask(command);
  if (answer !== 'OK') throw new Error(`the emulator's debugger answered ${command} with ${answer}`);
};

/** What can be done while the board stands still. Cores count from 0. */
export type Debugger = {
  readonly choose: (core: number) => Promise<void>;
  /** Of the core that was chosen; core 0 at first. */
  readonly set: (register: number, value: bigint) => Promise<void>;
  readonly get: (register: number) => Promise<bigint>;
  /** Lets that core alone go on, up to an address; one that sleeps waits for an interrupt first. */
  readonly runTo: (core: number, address: bigint) => Promise<void>;
  /** Memory by its physical address. */
  readonly read: (address: bigint, size: number) => Promise<Buffer>;
  readonly write: (address: bigint, bytes: Buffer) => Promise<void>;
};

/** GDB counts threads from 1, in hex. */
const threadOf = (core: number) => (core + 1).toString(16);

const debuggerOf = (ask: Ask): Debugger => ({
  choose: (core) => checked(ask, `Hg${threadOf(core)}`),
  set: (register, value) => checked(ask, `P${register.toString(16)}=${littleEndian(value)}`),
  get: async (register) => {
    const bytes = Buffer.from(await ask(`p${register.toString(16)}`), 'hex'); // PSTATE has four
    return Buffer.concat([bytes, Buffer.alloc(8)]).readBigUInt64LE();
  },
  runTo: async (core, address) => {
    const place = `1,${address.toString(16)},4`;
    await checked(ask, `Z${place}`);
    await ask(`vCont;c:${threadOf(core)}`);
    await checked(ask, `z${place}`);
  },
  read: async (address, size) =>
    Buffer.from(await ask(`m${address.toString(16)},${size.toString(16)}`), 'hex'),
  write: (address, bytes) =>
    checked(ask, `M${address.toString(16)},${bytes.length.toString(16)}:${bytes.toString('hex')}`),
});

/** Stops the board, lets `use` look and change, and lets the board go on. */
export const withDebugger = async <T>(path: string, use: (debug: Debugger) => Promise<T>): Promise<T> => {
  const socket = connect(path);
  await once(socket, 'connect');
  const ask = conversation(socket);
  try {
    await checked(ask, 'Qqemu.PhyMemMode:1');
    const result = await use(debuggerOf(ask));
    await checked(ask, 'D');
    return result;
  } finally {
    socket.destroy();
  }
};

/** Stops the board, sets registers of core 0, and lets it go on. */
export const setRegisters = (path: string, values: Readonly<Record<number, bigint>>): Promise<void> =>
  withDebugger(path, async ({ set }) => {
    for (const [number, value] of Object.entries(values)) await set(Number(number), value);
  });
