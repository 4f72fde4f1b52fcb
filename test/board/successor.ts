/** Replaces the kernel that runs on a board by one over its own line, from memory. */
import type { Manifest } from '../../firmware/index.ts';
import { type ImageFacts, signImage, updateFile } from '../../firmware/index.ts';
import { chosenKey, type SigningKey, signCommand } from '../../firmware/sign.ts';
import { type LinkOptions, VelocityLink } from '../../link/index.ts';
import { BOOT_TIMEOUT_MS, patience } from './patience.ts';

export { BOOT_TIMEOUT_MS };

export const owner = chosenKey();

/** What the owner of the board signs commands with; what it says goes to `console`. */
export const openOwned = (
  address: string,
  console: string[],
  options: LinkOptions = {},
): Promise<VelocityLink> =>
  VelocityLink.open(address, {
    ...patience,
    onConsole: (line) => console.push(line),
    signer: (command) => signCommand(command, owner),
    ...options,
  });

export const factsOf = ({ build, version, image }: Manifest): ImageFacts => ({
  board_class: 'aarch64',
  memory_bytes: image.memory_bytes,
  build,
  version,
  sequence: 5n,
});

export const signedUpdate = (image: Buffer, facts: ImageFacts, key: SigningKey = owner): Buffer =>
  updateFile(image, signImage(image, facts, key));

/** What the new kernel says of itself. */
export const takeOver = async (link: VelocityLink, file: Buffer) => {
  await link.images.test(await link.images.upload(file, undefined, 'memory'), 'memory');
  await link.reset();
  return { ...(await link.handshake(BOOT_TIMEOUT_MS)), ...(await link.measured()) };
};

/** Where each kernel that started lies. */
export const placesIn = (text: string): number[] =>
  [...text.matchAll(/image at (0x[0-9a-f]+)/g)].map(([, place]) => Number(place));

/** From one image to the next. */
export const DISTANCE_BYTES = 1 << 24;
