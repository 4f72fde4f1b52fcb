/** Takes the types out of our TypeScript. What comes out is kept in build/typescript while its source and esbuild are the same. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL('../../build/typescript', import.meta.url));
const { version } = require('esbuild/package.json');

const sha = (text) => createHash('sha256').update(text).digest('hex');

const withoutTypes = (path, text) =>
  require('esbuild').transformSync(text, {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: path,
    sourcemap: 'inline',
    sourcesContent: false,
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  }).code;

/** @returns undefined when it is not there */
const kept = (file, mark) => {
  try {
    const code = readFileSync(file, 'utf8');
    return code.endsWith(mark) ? code : undefined;
  } catch {
    return undefined;
  }
};

/** Others may read and write the same. Where nothing can be written, all is done again the next time. */
const keep = (file, code) => {
  const partial = `${file}.${process.pid}-${threadId}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(partial, code);
    renameSync(partial, file);
  } catch {}
};

export const load = (url, context, next) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const path = fileURLToPath(url);
  const text = readFileSync(path, 'utf8');
  const mark = `\n//${sha(`${version} ${text}`)}\n`;
  const file = join(folder, `${sha(path).slice(0, 32)}.js`);
  let source = kept(file, mark);
  if (source === undefined) {
    source = withoutTypes(path, text) + mark;
    keep(file, source);
  }
  return { format: 'module', source, shortCircuit: true };
};
