/** A board at its U-Boot prompt: the image goes over the serial line. */
import { bootThroughUBoot } from '../../flasher/index.ts';
import { openTransport } from '../../link/index.ts';
import { finished } from '../cleanup.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { follow } from './follow.ts';
import { prepareAny } from './image.ts';
import type { FlashOptions } from './options.ts';
import { transfer } from './progress.ts';

/** For telling U-Boot that no more comes, when the command is stopped: it would wait for it, and take no other command. */
const LAST_WORDS_MS = 1000;

export const flashUBoot = async (context: Context, options: FlashOptions): Promise<void> => {
  const { output, cleanup } = context;
  const { port, baud } = options;
  if (!port) throw new UsageError('--u-boot needs the serial port', 'add --port /dev/ttyUSB0');
  const { image } = await prepareAny(context, options);
  if (options.dryRun) {
    const line = `would send ${image.bytes.length} bytes to the U-Boot prompt on ${port}, and start it`;
    return output.fact({ event: 'plan', method: 'u-boot', to: port, bytes: image.bytes.length }, line);
  }
  const line = await openTransport(port, baud ? { baudRate: baud } : {});
  const forget = cleanup.add(() => line.close());
  try {
    const work = bootThroughUBoot(line, image.bytes, {
      signal: cleanup.signal,
      onEvent: (event) => {
        if (event.event === 'unchecked') output.note(event.reason);
        else transfer(output, 'send', event.file, event.done, event.total);
      },
    });
    await finished(cleanup, work, LAST_WORDS_MS);
  } finally {
    await line.close();
    void forget();
  }
  await follow(context, options.board ?? port, image, options);
};
