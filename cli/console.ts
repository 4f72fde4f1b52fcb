/** The console as it is: what the board sends goes to stdout, what is typed goes to the board. */
import { openTransport } from '../link/index.ts';
import type { Context } from './context.ts';

/** Ends when stdin does or the board goes away. @throws UnpluggedError */
export const passThrough = async (
  context: Context,
  address: string,
  options: { readonly baud?: number },
): Promise<void> => {
  const transport = await openTransport(address, options.baud ? { baudRate: options.baud } : {});
  const close = context.cleanup.add(() => transport.close());
  try {
    await new Promise<void>((resolve, reject) => {
      transport.onData((data) => process.stdout.write(data));
      transport.onClose((cause) => (cause ? reject(cause) : resolve()));
      context.cleanup.signal.addEventListener('abort', () => resolve());
      process.stdin.on('data', (data: Buffer) => transport.write(data).catch(reject));
      if (process.stdin.isTTY) process.stdin.once('end', () => resolve());
    });
  } finally {
    process.stdin.pause();
    await close();
  }
};
