/** The example modules, by name, and their sources. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../modules/', import.meta.url));

export const exampleNames = readdirSync(folder).filter((name) => name !== 'include');
export const exampleSource = (name: string): string => `${folder}${name}/${name}.c`;
