/** `velocity update …`: kernel images over the line, into the slots of a board's medium. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { boardNamed } from '../../boards/index.ts';
import { nextImageNumber, paths, updateFile } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { writePieces } from '../../firmware/write.ts';
import { readImage } from '../../flasher/index.ts';
import { type ImageSlot, LinkTimeoutError, type VelocityLink } from '../../link/index.ts';
import { type BoardOptions, boardOptionsOf, openLink, withBoard, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import { readBytes } from '../module-file.ts';
import { wholeNumber } from '../numbers.ts';
import { trustOf } from '../trust.ts';
import { buildFor } from '../virtual.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const nameOf = (slot: number) => 'AB'[slot] ?? '-';

type BuildOptions = BoardOptions & { readonly sequence?: number };

/** Built now and signed with a number that only grows. */
const build = async ({ output }: Context, options: BuildOptions): Promise<Buffer> => {
  const board = boardNamed(options.board ?? 'qemu-virt');
  const { publicKey } = chosenKey(options.key);
  const { manifest } = await buildFor(board, (text) => output.progress(text), {
    ...trustOf(options),
    sequence: nextImageNumber(publicKey, options.sequence),
  });
  return updateFile(readImage(paths.manifest, publicKey).bytes, Buffer.from(manifest.signed, 'base64'));
};

const sequenceOption = () =>
  new Option(
    '--sequence <number>',
    'number of the image that is built; a board takes none below that of the one it confirmed; default: the time in seconds',
  ).argParser(wholeNumber(1, 2 ** 32 - 1));

const describe = ({ place, slot, version, hash, state, active, permanent }: ImageSlot) =>
  `${place === 'memory' ? 'memory' : `slot ${nameOf(slot)}`}  ${version.padEnd(10)} ${hex(hash).slice(0, 16)}  ${state}${active ? ', runs' : ''}${permanent ? ', started by default' : ''}`;

const tell = ({ output }: Context, slots: readonly ImageSlot[]) => {
  for (const slot of slots) output.fact({ event: 'slot', ...slot, hash: hex(slot.hash) }, describe(slot));
};

const status = async (context: Context, link: VelocityLink) => {
  const { root, image_root, slot, confirm_in_s, storage } = await link.measured();
  tell(context, await link.images.state());
  const other = image_root.length > 0 ? 'an image from memory' : 'the image that the firmware starts';
  const where = slot < 2 ? `slot ${nameOf(slot)}` : other;
  const rest = confirm_in_s > 0 ? `; to be confirmed within ${confirm_in_s} s` : '';
  const medium = storage ? '' : '; this board has no medium for updates';
  context.output.fact(
    { event: 'runs', slot, root: hex(root), image_root: hex(image_root), confirm_in_s, storage },
    `runs ${where}, measured ${hex(root).slice(0, 16)}${rest}${medium}`,
  );
};

/** The board resets; its line may be a new one afterwards. */
const restarted = async (context: Context, address: string, options: BoardOptions) => {
  await sleep(500);
  return openLink(context, address, { ...options, virtual: true });
};

/** Only what runs from the slot that was sent, with the root that was signed, is kept. */
const confirm = async (context: Context, link: VelocityLink, hash: Uint8Array) => {
  const running = (await link.images.state()).find(({ active }) => active);
  if (!running || hex(running.hash) !== hex(hash)) {
    throw new OutcomeError('failed', 'the board did not start the new image and runs the one before');
  }
  tell(context, await link.images.confirm());
};

const send = async (context: Context, file: Buffer, options: BoardOptions & { confirm: boolean }) =>
  withBoard(context, options, async (address, virtual) => {
    const link = await openLink(context, address, { ...options, virtual });
    const hash = await link.images.upload(file, (done, total) =>
      context.output.progress(`sending ${done}/${total} bytes`),
    );
    tell(context, await link.images.test(hash));
    await link.reset().catch((error) => {
      if (!(error instanceof LinkTimeoutError)) throw error; // it may be too quick to answer
    });
    await link.close();
    const again = await restarted(context, address, options);
    try {
      if (options.confirm) await confirm(context, again, hash);
      await status(context, again);
    } finally {
      await again.close();
    }
  });

const registerSend = (parent: Command, context: Context) => {
  parent
    .command('send')
    .description('send an image into the free slot, start it on trial, and keep it when it answers')
    .argument('[file]', 'what `velocity update make` wrote; default: build one')
    .option(
      '--no-confirm',
      'leave the decision to `velocity update confirm`; without one the board goes back',
    )
    .addOption(sequenceOption())
    .addHelpText('after', '\nExample:\n  velocity update send --key owner --port /dev/ttyUSB0')
    .action(async (path: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<BuildOptions & { confirm: boolean }>();
      await send(context, path ? await readBytes(path) : await build(context, options), options);
    });
};

const registerMake = (parent: Command, context: Context) => {
  parent
    .command('make')
    .description('build and sign an image for `velocity update send`')
    .requiredOption('--out <file>', 'the file to write')
    .addOption(sequenceOption())
    .addHelpText(
      'after',
      '\nExample:\n  velocity update make --key owner --policy policy.json --out kernel.update',
    )
    .action(async ({ out }: { out: string }, command: Command) => {
      const file = await build(context, command.optsWithGlobals<BuildOptions>());
      writePieces(out, (write) => write(file));
      context.output.fact({ event: 'update', path: out, bytes: file.length }, `${out}  ${file.length} bytes`);
    });
};

const registerRest = (parent: Command, context: Context) => {
  parent
    .command('status')
    .description('what runs, and what the slots hold')
    .addHelpText('after', '\nExample:\n  velocity update status --port /dev/ttyUSB0')
    .action((_options: object, command: Command) =>
      withLink(context, boardOptionsOf(command), (link) => status(context, link)),
    );
  parent
    .command('confirm')
    .description('keep the image that runs on trial')
    .addHelpText('after', '\nExample:\n  velocity update confirm --port /dev/ttyUSB0')
    .action((_options: object, command: Command) =>
      withLink(context, boardOptionsOf(command), async (link) => tell(context, await link.images.confirm())),
    );
};

export const registerUpdate = (program: Command, context: Context): void => {
  const update = program
    .command('update')
    .description('bring a new kernel to a board over the line, on trial first');
  registerSend(update, context);
  registerMake(update, context);
  registerRest(update, context);
};
