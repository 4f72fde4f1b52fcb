/** A made-up image with its manifest, and made-up firmware beside it: what the flasher's command is tried with. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeManifest } from '../../firmware/manifest.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { signImage } from '../../firmware/update.ts';
import { temporaryFolder } from './command-line.ts';

const MEMORY_BYTES = 1 << 20;

export type FlashFiles = {
  readonly folder: string;
  readonly manifest: string;
  readonly image: Buffer;
  readonly build: string;
};

export const flashFiles = (): FlashFiles => {
  const build = 'ab'.repeat(20);
  const image = Buffer.alloc(50_000);
  for (let i = 0; i < image.length; i++) image[i] = (i * 13) ^ (i >> 7);
  const folder = temporaryFolder();
  const put = (name: string, bytes: string | Uint8Array) => writeFileSync(join(folder, name), bytes);
  put('Image', image);
  put('bootcode4.bin', Buffer.alloc(3000, 4));
  put('start4.elf', Buffer.alloc(9000, 5));
  put('fixup4.dat', Buffer.alloc(90, 6));
  put('bcm2711-rpi-cm4.dtb', Buffer.alloc(400, 7));
  const key = chosenKey();
  const facts = { board_class: 'aarch64', memory_bytes: MEMORY_BYTES, build, version: '0.1.0', sequence: 0n };
  const made = makeManifest({
    signed: signImage(image, facts, key),
    measuredBytes: image.length,
    version: facts.version,
    buildId: build,
    file: 'Image',
    image,
    memoryBytes: MEMORY_BYTES,
    publicKey: key.publicKey,
  });
  put('manifest.json', JSON.stringify(made));
  return { folder, manifest: join(folder, 'manifest.json'), image, build };
};
