/** SQLite: native code, loaded when a store is opened. For some systems npm has no build of it. */
import { createRequire } from 'node:module';
import type Database from 'libsql';
import { StoreError } from './errors.ts';

export type Sql = InstanceType<typeof Database>;

const require = createRequire(import.meta.url);

const library = (path: string): typeof Database => {
  try {
    return require('libsql') as typeof Database;
  } catch (cause) {
    const problem = `no store can be opened: libsql does not load on ${process.platform} ${process.arch}`;
    throw new StoreError(path, 'store_unsupported', problem, { cause });
  }
};

/** @throws StoreError, and SQLite's own errors */
export const openDatabase = (path: string, options: { readonly timeout?: number } = {}): Sql =>
  new (library(path))(path, options);
