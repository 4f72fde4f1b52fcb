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

export const velocity = async (...argv: string[]): Promise<Result> => {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const output = new Output(argv.includes('--json'), stream('stdout'), stream('stderr'));
  const cleanup = makeCleanup();
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
