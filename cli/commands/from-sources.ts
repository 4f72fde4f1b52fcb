/** Commands that compile or check the sources themselves; the installed package leaves them and the sources out. */
import type { Load } from '../context.ts';

export const fromSources: Readonly<Record<string, Load>> = {
  bench: async () => (await import('./bench.ts')).registerBench,
  docs: async () => (await import('./docs.ts')).registerDocs,
  fuzz: async () => (await import('./fuzz.ts')).registerFuzz,
  test: async () => (await import('./test.ts')).registerTest,
};
