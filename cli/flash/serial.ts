/** A board that runs a kernel already: the image goes over its own line into memory, and takes its place. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { boardNamed } from '../../boards/index.ts';
import {
  BOARD_CLASS,
  keyId,
  lastImageNumber,
  nextImageNumber,
  paths,
  signImage,
  updateFile,
} from '../../firmware/index.ts';
import { chosenKey, type SigningKey, signCommand } from '../../firmware/sign.ts';
import { writeChanged } from '../../firmware/write.ts';
import {
  checkRunning,
  FlashError,
  type MemoryEvent,
  startFromMemory,
  type UpdateFile,
} from '../../flasher/index.ts';
import { LinkTimeoutError, RefusedError, VelocityLink } from '../../link/index.ts';
import type { Context } from '../context.ts';
import { type Prepared, prepare } from './image.ts';
import type { FlashOptions } from './options.ts';
import { transfer } from './progress.ts';
import { runningOf, UNTIL_RESET, updateOf } from './running.ts';

const IMAGE_BOARD = 'jetson-nano'; // every board takes the same image; this one's build needs no device tree
/** A board that was switched on a moment ago. */
const READY_MS = 5000;
/** Some lines of a terminal lose a frame now and then. */
const RETRIES = 3;

const updates = () => join(paths.state, 'updates');

/** Where the image lies that this key signed under this number. */
const signedPath = (sha256: string, key: SigningKey, number: number) =>
  join(updates(), `${sha256}-${keyId(key.publicKey)}-${number}`);

/**
 * Signed with a number that only grows. Kept, so that an upload that broke off is taken up again with the same bytes, until
 * the key signs something newer: under its old number a board that runs that would refuse it.
 */
const signedNow = ({ image, parts: { manifest } }: Prepared, key: SigningKey): Buffer => {
  const { publicKey } = key;
  const kept = signedPath(image.sha256, key, lastImageNumber(publicKey));
  if (existsSync(kept)) return readFileSync(kept);
  forgetSigned(key);
  const number = nextImageNumber(publicKey);
  const facts = {
    board_class: BOARD_CLASS,
    memory_bytes: manifest.image.memory_bytes,
    build: manifest.build,
    version: manifest.version,
    sequence: BigInt(number),
  };
  const file = updateFile(image.bytes, signImage(image.bytes, facts, key));
  writeChanged(signedPath(image.sha256, key, number), file);
  return file;
};

/** The next one is signed anew. */
const forgetSigned = (key: SigningKey): void => {
  if (!existsSync(updates())) return;
  const own = readdirSync(updates()).filter((name) => name.includes(`-${keyId(key.publicKey)}`));
  for (const name of own) rmSync(join(updates(), name), { force: true });
};

/** An image of one's own is sent as it was signed; one that was built here is signed now. */
export const updateBytes = (prepared: Prepared, options: FlashOptions): Buffer =>
  options.image
    ? updateFile(prepared.image.bytes, Buffer.from(prepared.parts.manifest.signed, 'base64'))
    : signedNow(prepared, chosenKey(options.key));

/** A board refused what was signed here: it is not kept any longer. */
export const forgetUpdate = ({ image, key }: FlashOptions): void => {
  if (!image) forgetSigned(chosenKey(key));
};

const prepareUpdate = async (context: Context, options: FlashOptions): Promise<UpdateFile> => {
  const prepared = await prepare(context, boardNamed(options.board ?? IMAGE_BOARD), options);
  return updateOf(updateBytes(prepared, options), prepared.image.build);
};

/** The kernel that runs may be of another release: what an upload takes is the same in all. */
const open = async (context: Context, port: string, { baud, key }: FlashOptions) => {
  try {
    return await VelocityLink.open(port, {
      ...(baud ? { baudRate: baud } : {}),
      readyTimeoutMs: READY_MS,
      retries: RETRIES,
      anyContract: true,
      onConsole: (line) => context.output.note(line),
      signer: (command) => signCommand(command, chosenKey(key)),
    });
  } catch (cause) {
    if (!(cause instanceof LinkTimeoutError)) throw cause;
    throw new FlashError('timeout', port, 'no running velocity kernel answers', {
      hint: 'restart the board; at a U-Boot prompt add --u-boot; for a first start write its card with --to DISK, or put it into USB boot mode',
      cause,
    });
  }
};

const show =
  ({ output }: Context, port: string) =>
  (event: MemoryEvent) => {
    if (event.event === 'send') return transfer(output, 'send', event.file, event.done, event.total);
    if (event.event === 'start') return output.progress(`waiting for the new kernel on ${port}`);
    output.fact({ ...event, port }, `${port}: ${event.board} runs build ${event.build}`);
  };

const work = async (context: Context, link: VelocityLink, port: string, options: FlashOptions) => {
  const { output, cleanup } = context;
  const file = await prepareUpdate(context, options);
  const running = runningOf(link);
  const board = options.board ? { board: boardNamed(options.board) } : {};
  const run = { ...board, signal: cleanup.signal, onEvent: show(context, port) };
  const name = options.board ?? port;
  if (options.dryRun || options.verifyOnly) {
    const { build } = await checkRunning(running, run);
    if (options.dryRun) {
      const line = `would send ${file.bytes.length} bytes into the memory of ${name}, and start build ${file.build}`;
      return output.fact({ event: 'plan', method: 'serial', to: port, bytes: file.bytes.length }, line);
    }
    if (build === file.build) return output.fact({ event: 'verified', to: port }, `${name} runs this build`);
    throw new FlashError('verify_failed', port, `runs build ${build}, not ${file.build}`, {
      hint: 'flash it without --verify-only',
    });
  }
  await startFromMemory(running, file, run).catch((error: unknown) => {
    if (error instanceof RefusedError) forgetUpdate(options);
    throw error;
  });
  const fact = { event: 'flashed', board: name, build: file.build, confirmed: true };
  output.fact(fact, `${name} runs velocity ${file.build}, ${UNTIL_RESET}`);
};

export const flashSerial = async (context: Context, port: string, options: FlashOptions): Promise<void> => {
  const link = await open(context, port, options);
  const forget = context.cleanup.add(() => link.close());
  try {
    await work(context, link, port, options);
  } finally {
    await link.close();
    void forget();
  }
};
