/** Commands that compile or check the sources themselves; the installed package leaves them and the sources out. */
import type { Register } from '../context.ts';
import { registerBench } from './bench.ts';
import { registerDocs } from './docs.ts';
import { registerFuzz } from './fuzz.ts';
import { registerTest } from './test.ts';

export const fromSources: readonly Register[] = [registerBench, registerDocs, registerFuzz, registerTest];
