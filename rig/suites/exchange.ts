/** One message over a line and what comes for it, past the link's own repetitions. */
import type { Line } from '../line.ts';

/** A line that says nothing for so long has nothing more to say; a busy host stalls for less. */
const SILENT_MS = 2000;

/** Bytes that an answer may lack when its end came. */
const LACKING = 8;
const NEWLINE = 0x0a;

const isWhole = (came: Uint8Array, wanted: Uint8Array) =>
  came.length >= wanted.length || (came.at(-1) === NEWLINE && came.length >= wanted.length - LACKING);

/** Writes `request`; returns what came until it is as long as `wanted` or the line fell silent. */
export const exchange = (
  line: Pick<Line, 'onRaw' | 'write'>,
  request: Uint8Array,
  wanted: Uint8Array,
  silentMs = SILENT_MS,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    let came: Buffer = Buffer.alloc(0);
    let timer: NodeJS.Timeout | undefined;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      forget();
      settle();
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        // Timers run before what has arrived is read: a process that was held up looks once more.
        const heard = came.length;
        setImmediate(() => {
          if (came.length === heard) end(() => resolve(came));
        });
      }, silentMs);
    };
    const forget = line.onRaw((data) => {
      came = Buffer.concat([came, data]);
      if (isWhole(came, wanted)) end(() => resolve(came));
      else wait();
    });
    wait();
    line.write(request).catch((error: unknown) => end(() => reject(error)));
  });
