/** The image to flash: the one that the server has, or files of the person's; checked here whatever the server says. */
import type { Manifest } from '../../../firmware/manifest.ts';
import { updateFile } from '../../../firmware/update-file.ts';
import {
  checkImage,
  type FlashImage,
  ImageError,
  parseManifest,
  signedImage,
  signingProblem,
} from '../../../flasher/index.ts';
import { FACTS, type Facts, IMAGE, MANIFEST, UPDATE, UPDATE_ANEW } from './served.ts';

type Checked = Pick<LoadedImage, 'image' | 'manifest' | 'manifestName'>;

export type LoadedImage = {
  readonly image: FlashImage;
  readonly manifest: Manifest;
  readonly manifestName: string;
  /** What a kernel that runs takes (abi/image.ts). */
  readonly update: () => Promise<Buffer>;
  /** A board refused it: the next one is signed anew, where the server signs. */
  readonly refused: () => void;
};

const fetched = async (path: string): Promise<Buffer> => {
  let response: Response;
  try {
    response = await fetch(path);
  } catch (cause) {
    throw new ImageError(path, 'the server does not answer; is `velocity flash --web` still running?', {
      cause,
    });
  }
  if (!response.ok) throw new ImageError(path, `the server says ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
};

export const loadFacts = async (): Promise<Facts> => JSON.parse((await fetched(FACTS)).toString()) as Facts;

/** Ed25519 (RFC 8032) by the browser. */
const holds = async (manifest: Manifest, key: Uint8Array): Promise<boolean> => {
  const message = signedImage(manifest.signed);
  if (!message) return false;
  const made = await crypto.subtle.importKey('raw', Buffer.from(key), 'Ed25519', false, ['verify']);
  const [signature, signed] = [Buffer.from(message.signature), Buffer.from(message.toBeSigned)];
  return crypto.subtle.verify('Ed25519', made, signature, signed);
};

const checkSignature = async (name: string, { image, manifest }: Checked, key: Uint8Array) => {
  const problem = signingProblem(image.bytes, manifest.signed, key);
  if (problem) throw new ImageError(name, `${problem}; serve this page with --key, or build the image again`);
  if (!(await holds(manifest, key))) throw new ImageError(name, 'has a signature that does not hold');
};

/** Hashes and signature. @throws ImageError */
const checked = async (
  manifestName: string,
  manifestText: string,
  find: (file: string) => Promise<Buffer | undefined>,
  key: Uint8Array,
): Promise<Checked> => {
  const manifest = parseManifest(manifestName, manifestText) as Manifest;
  const bytes = await find(manifest.image.file);
  if (!bytes) throw new ImageError(manifestName, `names ${manifest.image.file}: choose that file as well`);
  const image = checkImage(manifest.image.file, manifest, bytes);
  const loaded = { image, manifest, manifestName };
  await checkSignature(manifestName, loaded, key);
  return loaded;
};

export const loadServed = async ({ key }: Facts): Promise<LoadedImage> => {
  const text = (await fetched(MANIFEST)).toString();
  const image = await checked(MANIFEST, text, () => fetched(IMAGE), Buffer.from(key, 'hex'));
  let path = UPDATE;
  const update = async () => {
    const bytes = await fetched(path);
    path = UPDATE;
    return bytes;
  };
  const refused = () => {
    path = UPDATE_ANEW;
  };
  return { ...image, update, refused };
};

const baseName = (path: string) => path.split('/').at(-1)!;

/** A manifest and the image that it names, in any order. @throws ImageError */
export const loadFiles = async (files: readonly File[], { key }: Facts): Promise<LoadedImage> => {
  const manifest = files.find(({ name }) => name.endsWith('.json'));
  if (!manifest) {
    throw new ImageError(
      files.map(({ name }) => name).join(', '),
      'no manifest: choose its .json file as well',
    );
  }
  const find = async (wanted: string) => {
    const file = files.find(({ name }) => name === baseName(wanted));
    return file && Buffer.from(await file.arrayBuffer());
  };
  const loaded = await checked(manifest.name, await manifest.text(), find, Buffer.from(key, 'hex'));
  const signed = Buffer.from(loaded.manifest.signed, 'base64');
  return { ...loaded, update: async () => updateFile(loaded.image.bytes, signed), refused: () => {} };
};

/** A device tree that the server compiled. */
export const loadTree = async ({ trees }: Facts, board: string): Promise<Buffer | undefined> => {
  const path = trees[board];
  return path === undefined ? undefined : fetched(path);
};
