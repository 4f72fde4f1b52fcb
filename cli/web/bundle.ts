/**
 * Compiles a page's code for browsers, with everything that it imports in one file. The same modules run in Node.js and in
 * pages; what they use of Node.js itself is either in platform/, or belongs to functions that pages do not reach. That is
 * checked: a page that would still ask for a module of Node.js is not built.
 */
import { join, relative } from 'node:path';
import { root } from '../../firmware/index.ts';

const platform = (name: string) => join(root, 'cli/web/platform', name);

/** Modules of Node.js that have a stand-in. */
const standIns: Readonly<Record<string, string>> = {
  'node:crypto': platform('crypto.ts'),
  'node:timers/promises': platform('timers.ts'),
};

const ADDRESS = join(root, 'link/address.ts');

/** A page needs a module that only Node.js has. */
export class BundleError extends Error {
  readonly code = 'build_failed';
  constructor(entry: string, modules: readonly string[]) {
    super(`${entry} cannot run in a browser: it reaches ${modules.join(', ')}`);
    this.name = 'BundleError';
  }
}

/** Uses more of Node.js than the stand-ins have; pages check signatures by the browser's own means. */
const NODE_ONLY = join(root, 'flasher/signature.ts');

type Resolved = { path?: string; external?: boolean; sideEffects?: boolean };

/** Our modules do nothing when they are only loaded, so those that nobody uses are left out, and what they import with them. */
const resolve = (path: string, importer: string, folder: string): Resolved | undefined => {
  if (standIns[path] && importer !== NODE_ONLY) return { path: standIns[path], sideEffects: false };
  if (path.startsWith('node:') || path === 'usb' || path.startsWith('@serialport/'))
    return { external: true, sideEffects: false };
  if (!path.startsWith('.') || folder.includes('node_modules')) return undefined;
  const file = join(folder, path);
  return { path: file === ADDRESS ? platform('address.ts') : file, sideEffects: false };
};

/** The code of `entry`, a path below the root. @throws BundleError */
export const bundle = async (entry: string): Promise<string> => {
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: [join(root, entry)],
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    inject: [platform('buffer.ts')],
    legalComments: 'eof',
    logLevel: 'silent', // the error that is thrown says it all
    plugins: [
      {
        name: 'velocity',
        setup: ({ onResolve }) => {
          onResolve({ filter: /.*/ }, ({ path, importer, resolveDir, kind }) =>
            kind === 'entry-point' ? undefined : resolve(path, importer, resolveDir),
          );
        },
      },
    ],
  });
  const [output] = Object.values(result.metafile.outputs);
  const left = output!.imports.filter(({ external }) => external).map(({ path }) => path);
  if (left.length > 0) throw new BundleError(relative(root, entry), left);
  return result.outputFiles[0]!.text;
};
