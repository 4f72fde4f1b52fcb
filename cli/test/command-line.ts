/** Runs command lines in this process against a fake board behind a unix socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsbHost } from '../../flasher/index.ts';
import { type FakeBoard, fakeBoard, type Handlers } from '../../link/test/fake-board.ts';
import { type Cleanup, makeCleanup } from '../cleanup.ts';
import { Output } from '../output.ts';
import { execute } from '../run.ts';

export type Result = { readonly exit: number; readonly stdout: string; readonly stderr: string };

/** Objects of a --json run. */
export const jsonLines = ({ stdout }: Result): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A command that is under way. */
export type Running = {
  /** Resolves once what was printed so far matches. @throws Error when the command ends before */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** As Ctrl-C does. */
  stop(): Promise<Result>;
  readonly ended: Promise<Result>;
};

export type Surroundings = {
  /** In place of the machine's own USB. */
  readonly usb?: UsbHost;
  /** In place of the machine's own serial ports. */
  readonly ports?: readonly string[];
  /** `abort()` is what Ctrl-C does. */
  readonly cleanup?: Cleanup;
};

/** Starts a command line in this process. */
export const running = (...argv: string[]): Running => runningOn({}, ...argv);

/** With what it is tried on. */
export const runningOn = (
  { usb, ports = [], cleanup = makeCleanup() }: Surroundings,
  ...argv: readonly string[]
): Running => {
  const written = { stdout: '', stderr: '' };
  let look = () => {};
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
      look();
    },
  });
  const output = new Output(argv.includes('--json'), stream('stdout'), stream('stderr'));
  const work = async (): Promise<Result> => {
    const exit = await execute(argv, { output, cleanup, ports: async () => ports, ...(usb ? { usb } : {}) });
    await cleanup.run();
    return { exit: exit ?? 0, ...written };
  };
  const ended = work();
  const until = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      look = () => {
        const found = pattern.exec(written.stdout) ?? pattern.exec(written.stderr);
        if (found) resolve(found);
      };
      void ended.then(({ stdout, stderr }) =>
        reject(new Error(`ended before ${pattern}: ${stdout}${stderr}`)),
      );
      look();
    });
  const stop = () => {
    cleanup.abort();
    return ended;
  };
  return { until, stop, ended };
};

export const velocity = (...argv: string[]): Promise<Result> => running(...argv).ended;

export const velocityOn = (surroundings: Surroundings, ...argv: readonly string[]): Promise<Result> =>
  runningOn(surroundings, ...argv).ended;

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone when the tests end. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  folders.push(folder);
  return folder;
};

/** What a port leads to: a transport of the link, or any other serial line. */
type Line = {
  write(data: Uint8Array): Promise<void>;
  onData(listener: (data: Uint8Array) => void): void;
  onClose(listener: () => void): void;
};

/** The line behind a unix socket that can be connected to once; what to give as --port. */
export const onSocket = async (line: Line): Promise<string> => {
  const path = join(temporaryFolder(), 'console');
  const server = createServer((socket) => {
    server.close();
    line.onData((data) => socket.write(data));
    socket.on('data', (data) => void line.write(data).catch(() => {}));
    socket.on('error', () => {});
    line.onClose(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  return `unix:${path}`;
};

/** A fake board that can be connected to once; `port` is what to give as --port. */
export const boardOnSocket = async (handlers: Handlers): Promise<FakeBoard & { port: string }> => {
  const board = fakeBoard(handlers);
  return { ...board, port: await onSocket(board.transport) };
};
