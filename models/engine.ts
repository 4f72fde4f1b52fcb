/**
 * Where node-llama-cpp is. It is an optional peer: with the parts for graphics cards that npm would add unasked it takes 725 MB,
 * so people choose whether they want it. Installed beside this package with `--omit=optional` it would take the USB drivers away,
 * so there is a folder of its own for the small installation.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { userFolder } from '../firmware/folder.ts';

const NAME = 'node-llama-cpp';
const VERSION = '~3.21.1';

/** The folder for an installation without the parts for graphics cards. */
export const engineFolder = (): string => join(userFolder('XDG_STATE_HOME'), 'engine');

const platforms: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' };

/** Name of the package with the part for this machine's processor. */
const processorPart = (): string => {
  const name = `@${NAME}/${platforms[process.platform] ?? 'linux'}-${process.arch}`;
  return name.endsWith('mac-arm64') ? `${name}-metal` : name;
};

/** What a person types to have it, about 85 MB. */
export const engineHint = (): string =>
  `npm install --prefix ${engineFolder()} --omit=optional ${NAME}@${VERSION} ${processorPart()}@${VERSION}`;

/** Path of its entry file; undefined when it is not installed. */
export const findEngine = (): string | undefined => {
  const beside = createRequire(import.meta.url).resolve.paths(NAME) ?? [];
  const folder = [...beside, join(engineFolder(), 'node_modules')]
    .map((path) => join(path, NAME))
    .find((path) => existsSync(join(path, 'package.json')));
  if (!folder) return undefined;
  const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { main: string };
  return join(folder, main);
};
