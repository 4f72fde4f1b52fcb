/** Which model file to use. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userFolder } from '../firmware/folder.ts';
import { catalogue } from './catalogue.ts';
import { ModelError } from './error.ts';
import { type GgufHead, readGgufHead } from './gguf.ts';

/** Folder in which models are looked for by name. */
export const modelFolder = (): string => join(userFolder('XDG_DATA_HOME'), 'models');

export type ResolvedModel = { readonly path: string; readonly head: GgufHead };

/** The model that comes with the project. */
export const SHIPPED = fileURLToPath(new URL('./velocity-window.gguf', import.meta.url));
/** The one for loops, which is asked with it. */
export const SHIPPED_LOOPS = fileURLToPath(new URL('./velocity-loop.gguf', import.meta.url));
/** Asks for no model at all. */
export const NO_MODEL = 'none';

/**
 * The model at a path, or of a name in the catalogue; without either, what VELOCITY_MODEL names, else the shipped one.
 * Undefined for `none`.
 * @throws ModelError when it can't be used.
 */
export const resolveModel = (wanted?: string): ResolvedModel | undefined => {
  const asked = wanted ?? process.env.VELOCITY_MODEL ?? '';
  if (asked === NO_MODEL) return undefined;
  if (asked === '') return existsSync(SHIPPED) ? { path: SHIPPED, head: readGgufHead(SHIPPED) } : undefined;
  const entry = catalogue.find((m) => m.name === asked);
  const path = entry ? join(modelFolder(), entry.file) : asked;
  if (!existsSync(path)) {
    const where = entry ? `is not in ${modelFolder()}` : 'does not exist';
    throw new ModelError('missing', path, where);
  }
  return { path, head: readGgufHead(path) };
};
