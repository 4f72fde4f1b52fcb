/** Orders to an emulator: QEMU's machine protocol (docs/interop/qmp-spec.rst), one JSON object a line. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A machine that does much else may take a while to answer. */
const ANSWER_MS = 30_000;

type Answer = {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
};

const conversation = (socket: Socket) => {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answer = async (): Promise<Answer> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error('the emulator closed its control socket');
      const parsed = JSON.parse(value as string) as Answer;
      if (parsed.return !== undefined || parsed.error) return parsed;
    }
  };
  return async (command: object): Promise<unknown> => {
    socket.write(`${JSON.stringify(command)}\n`);
    const reply = await answer();
    if (reply.error) throw new Error(`the emulator refused ${JSON.stringify(command)}: ${reply.error.desc}`);
    return reply.return;
  };
};

/** Calls `use` with a function that sends one order and returns the answer. */
const withControl = async <T>(
  path: string,
  use: (ask: (command: object) => Promise<unknown>) => Promise<T>,
): Promise<T> => {
  const socket = connect(path);
  const late = sleep(ANSWER_MS, undefined, { ref: false }).then(() => {
    throw new Error(`the emulator did not answer on its control socket within ${ANSWER_MS} ms`);
  });
  try {
    await Promise.race([once(socket, 'connect'), late]);
    const ask = conversation(socket);
    await Promise.race([ask({ execute: 'qmp_capabilities' }), late]);
    return await Promise.race([use(ask), late]);
  } finally {
    socket.destroy();
  }
};

export type CoreState = { readonly core: number; readonly pc: bigint; readonly sp: bigint };

const monitorCommand = (path: string, line: string): Promise<string> =>
  withControl(path, async (ask) =>
    String(await ask({ execute: 'human-monitor-command', arguments: { 'command-line': line } })),
  );

/** Where each core is just now. The board goes on. */
export const coreStates = async (path: string): Promise<CoreState[]> => {
  const text = await monitorCommand(path, 'info registers -a');
  return text
    .split(/CPU#/)
    .slice(1)
    .flatMap((part) => {
      const [core, pc, sp] = [/^(\d+)/, /PC=([0-9a-f]+)/, /SP=([0-9a-f]+)/].map(
        (pattern) => pattern.exec(part)?.[1],
      );
      return core && pc && sp ? [{ core: Number(core), pc: BigInt(`0x${pc}`), sp: BigInt(`0x${sp}`) }] : [];
    });
};

/** The 32-bit word at a physical address, of a device too, as a core would read it. */
export const wordAt = async (path: string, addr: number): Promise<number> => {
  const text = await monitorCommand(path, `xp /1wx ${addr}`);
  const word = /: (0x[0-9a-f]{8})/.exec(text)?.[1];
  if (!word) throw new Error(`the emulator has no word at 0x${addr.toString(16)}: ${text.trim()}`);
  return Number(word);
};

/** Presses the board's reset button. */
export const pressReset = (path: string): Promise<void> =>
  withControl(path, async (ask) => {
    await ask({ execute: 'system_reset' });
  });

/** Presses the power button for a tenth of a second. Of the emulated boards only QEMU's `virt` has one: a GPIO key. */
export const pressPower = (path: string): Promise<void> =>
  withControl(path, async (ask) => {
    await ask({ execute: 'system_powerdown' });
  });

/** Holds the board as it is: no core goes on, no time passes on it. */
export const freeze = (path: string): Promise<void> =>
  withControl(path, async (ask) => {
    await ask({ execute: 'stop' });
  });

export const thaw = (path: string): Promise<void> =>
  withControl(path, async (ask) => {
    await ask({ execute: 'cont' });
  });
