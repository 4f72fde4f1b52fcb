/** Runs command lines in this process against a fake board behind a unix socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FakeBoard, fakeBoard, type Handlers } from '../../link/test/fake-board.ts';
import { makeCleanup } from '../cleanup.ts';
import { failureOf, OutcomeError } from '../failure.ts';
import { Output } from '../output.ts';
import { makeProgram } from '../program.ts';

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

/** Starts a command line in this process. */
export const running = (...argv: string[]): Running => {
  const written = { stdout: '', stderr: '' };
  let look = () => {};
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
      look();
    },
  });
  const output = new Output(argv.includes('--json'), stream('stdout'), stream('stderr'));
  const cleanup = makeCleanup();
  const work = async (): Promise<Result> => {
    let exit = 0;
    try {
      await makeProgram({ output, cleanup }).parseAsync(argv, { from: 'user' });
    } catch (error) {
      const failure = failureOf(error);
      exit = failure.exit;
      if (!(error instanceof OutcomeError)) output.fail(failure);
    }
    await cleanup.run();
    return { exit, ...written };
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

/** A fake board that can be connected to once; `port` is what to give as --port. */
export const boardOnSocket = async (handlers: Handlers): Promise<FakeBoard & { port: string }> => {
  const board = fakeBoard(handlers);
  const path = join(temporaryFolder(), 'console');
  const server = createServer((socket) => {
    server.close();
    board.transport.onData((data) => socket.write(data));
    socket.on('data', (data) => void board.transport.write(data).catch(() => {}));
    socket.on('error', () => {});
    board.transport.onClose(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  return { ...board, port: `unix:${path}` };
};
