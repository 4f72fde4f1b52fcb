/** What `velocity flash --web` serves: the page, the image with its manifest, device trees, and a folder of firmware. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileIn } from '../../../flasher/index.ts';
import { type Routes, SAFETY, styleRoute, textRoute } from '../../../monitor/index.ts';
import { UsageError } from '../../failure.ts';
import { pageScript } from '../files.ts';
import { FACTS, type Facts, FIRMWARE, IMAGE, MANIFEST, UPDATE, UPDATE_ANEW } from './served.ts';

export type Offer = {
  readonly manifest: string;
  readonly image: Buffer;
  /** Signed when it is first asked for. */
  readonly update: () => Buffer;
  /** The one before is not kept. */
  readonly updateAnew: () => Buffer;
  readonly key: Uint8Array;
  /** Paths of compiled device trees by the name of the board. */
  readonly trees: Readonly<Record<string, string>>;
  readonly firmwareDir: string | undefined;
};

/** More than any firmware has; a whole disk, named by mistake, is not listed. */
const MOST_FILES = 5000;

/** Paths below a folder, with `/`; hidden files are no firmware, nor are those elsewhere that links lead to. */
export const filesBelow = (folder: string): string[] => {
  const find = fileIn(folder);
  const names = (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => name.replaceAll(sep, '/'))
    .filter((name) => !/(^|\/)\./.test(name))
    .filter((name) => find(name) !== undefined);
  if (names.length <= MOST_FILES) return names;
  throw new UsageError(`${folder} has ${names.length} files`, 'name the folder of the firmware itself');
};

const binary = (content: () => Buffer) => textRoute('application/octet-stream', content, SAFETY);
const json = (text: string) => textRoute('application/json', () => text, SAFETY);
const prefixed = (entries: readonly [string, ReturnType<typeof binary>][]): Routes =>
  Object.fromEntries(entries.map(([path, route]) => [`/${path}`, route]));

const page = (name: string) => readFileSync(new URL(`page/${name}`, import.meta.url));

export const flashRoutes = async (offer: Offer): Promise<Routes> => {
  const { manifest, image, update, updateAnew, key, trees, firmwareDir } = offer;
  const firmware = firmwareDir ? filesBelow(firmwareDir) : [];
  const boards = Object.keys(trees);
  const facts: Facts = {
    key: Buffer.from(key).toString('hex'),
    trees: Object.fromEntries(boards.map((board) => [board, `trees/${board}.dtb`])),
    firmware,
    firmwareFolder: firmwareDir ?? '',
  };
  const script = await pageScript('flash');
  const [html, css] = [page('page.html'), page('flash.css')];
  return {
    '/': textRoute('text/html; charset=utf-8', () => html, SAFETY),
    '/page.css': styleRoute(),
    '/flash.css': textRoute('text/css; charset=utf-8', () => css, SAFETY),
    '/flash.js': textRoute('text/javascript; charset=utf-8', () => script, SAFETY),
    ...prefixed(
      [
        [FACTS, json(JSON.stringify(facts))],
        [MANIFEST, json(manifest)],
        [IMAGE, binary(() => image)],
        [UPDATE, binary(update)],
        [UPDATE_ANEW, binary(updateAnew)],
        ...boards.map((board) => [`trees/${board}.dtb`, binary(() => readFileSync(trees[board]!))] as const),
        ...firmware.map(
          (name) =>
            [
              FIRMWARE + name.split('/').map(encodeURIComponent).join('/'),
              binary(() => readFileSync(join(firmwareDir!, name))),
            ] as const,
        ),
      ].map(([path, route]) => [path as string, route as ReturnType<typeof binary>]),
    ),
  };
};
