/** Where this installation keeps what it makes: storage of emulated boards, development key, built images. */
import { join } from 'node:path';
import { root } from '../firmware/index.ts';

export const stateFolder = (): string => join(root, '.velocity');
