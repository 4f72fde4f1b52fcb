/** The numbers of the images that are signed here: a board takes none that is older than the one it confirmed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyId } from './manifest.ts';
import { paths } from './paths.ts';
import { writeChanged } from './write.ts';

const fileOf = (publicKey: Uint8Array) => join(paths.state, 'updates', `${keyId(publicKey)}.number`);

/** The highest that was signed with this key, here; 0 when none was. */
export const lastImageNumber = (publicKey: Uint8Array): number => {
  try {
    const number = Number(readFileSync(fileOf(publicKey), 'utf8'));
    return Number.isSafeInteger(number) && number > 0 ? number : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
};

/**
 * The time in seconds, so that machines that share a key agree on what is newer; above the last one, whatever was done to
 * the clock meanwhile.
 * @param chosen instead of the time
 */
export const nextImageNumber = (publicKey: Uint8Array, chosen?: number): number => {
  const last = lastImageNumber(publicKey);
  const number = chosen ?? Math.max(Math.floor(Date.now() / 1000), last + 1);
  if (number > last) writeChanged(fileOf(publicKey), Buffer.from(`${number}\n`));
  return number;
};
