import type { Command } from 'commander';
import { messages, verdicts } from '../../abi/index.ts';
import type { VelocityLink } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { FileError } from '../failure.ts';
import { readBytes } from '../module-file.ts';
import { CaptureError, type Frame, framesOf } from '../pcap.ts';

const MAX_FRAME_BYTES = messages.inject.request.data.max;

type Tally = Record<keyof typeof verdicts | 'frames' | 'skipped' | 'cycles', number>;

const nameOfVerdict = (verdict: number) =>
  (Object.keys(verdicts) as (keyof typeof verdicts)[]).find((name) => verdicts[name] === verdict) ??
  'aborted';

const emptyTally = (): Tally => ({
  frames: 0,
  pass: 0,
  drop: 0,
  transmit: 0,
  aborted: 0,
  skipped: 0,
  cycles: 0,
});

/** A frame that the capture cut, or that is longer than a message, would not be the frame that was seen. */
const isWhole = (frame: Frame) =>
  frame.bytes.length === frame.wireLength && frame.bytes.length <= MAX_FRAME_BYTES && frame.bytes.length > 0;

const replay = async (link: VelocityLink, frames: readonly Frame[], onFrame: (tally: Tally) => void) => {
  const tally = emptyTally();
  for (const frame of frames) {
    tally.frames += 1;
    if (isWhole(frame)) {
      const { verdict, cycles } = await link.inject(frame.bytes);
      tally[nameOfVerdict(verdict)] += 1;
      tally.cycles += Number(cycles);
    } else {
      tally.skipped += 1;
    }
    onFrame(tally);
  }
  return tally;
};

/** The whole file is read before the first frame is sent, so that a damaged one changes nothing on the board. */
const readFrames = async (file: string) => {
  const bytes = await readBytes(file);
  try {
    return [...framesOf(bytes)];
  } catch (cause) {
    if (cause instanceof CaptureError) throw new FileError(file, cause.message, cause.hint, { cause });
    throw cause;
  }
};

const describe = (t: Tally) => {
  const sent = t.frames - t.skipped;
  const mean = sent > 0 ? (t.cycles / sent).toFixed(1) : '-';
  const skipped = t.skipped > 0 ? `, ${t.skipped} skipped (cut by the capture, or too long)` : '';
  return `${t.frames} frames: ${t.pass} pass, ${t.drop} drop, ${t.transmit} transmit, ${t.aborted} aborted${skipped}; ${mean} cycles a frame`;
};

/** `velocity module replay FILE` */
export const registerModuleReplay = (parent: Command, context: Context): void => {
  parent
    .command('replay')
    .description('run the packet hook on each frame of a capture')
    .argument('<file>', 'pcap or pcapng file of an Ethernet interface')
    .addHelpText('after', '\nExample:\n  velocity module replay capture.pcap --port /dev/ttyUSB0')
    .action(async (file: string, _options: object, command: Command) => {
      const frames = await readFrames(file);
      await withLink(context, boardOptionsOf(command), async (link) => {
        const tally = await replay(link, frames, ({ frames: done }) =>
          context.output.progress(`${done}/${frames.length} frames`),
        );
        context.output.fact({ event: 'replay', ...tally }, describe(tally));
      });
    });
};
