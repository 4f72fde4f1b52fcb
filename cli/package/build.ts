/**
 * `npm run prepack`: makes dist/, all that the npm package holds besides README and licence. It is a copy of this repository's
 * layout with JavaScript in place of TypeScript, and with what needs a compiler ready-made in dist/prebuilt.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transform } from 'esbuild';
import { boards } from '../../boards/index.ts';
import { compileModule, loadHost } from '../../ebpf/index.ts';
import { buildKernel, compileDeviceTree, paths, requireTool, root, run } from '../../firmware/index.ts';
import { installTools } from '../system-packages.ts';
import { bundle } from '../web/bundle.ts';
import { pageEntries } from '../web/files.ts';

const dist = join(root, 'dist');
const prebuilt = join(dist, 'prebuilt');

/** Files that are read or run as they are. */
const assets = [
  'cli/bin',
  'cli/rig/ava.config.mjs',
  'cli/web/flash/page',
  'ebpf/prover/solver-child.mjs',
  'models/runner-child.mjs',
  'models/velocity-loop.gguf',
  'models/velocity-window.gguf',
  'modules',
  'monitor/web/page',
];

const say = (line: string) => process.stderr.write(`${line}\n`);

const compileTypeScript = () => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.package.json'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`tsc failed:\n${stdout}`);
};

/** Longest line of the package's JavaScript: an error's place is still found by line and column. */
const LINE_CHARACTERS = 1000;

/** Without white space and in the shortest syntax, names as they are: 45 KB less. What starts on an older Node.js stays. */
const squeezeJavaScript = async () => {
  const files = (readdirSync(dist, { recursive: true }) as string[]).filter(
    (file) => /\.m?js$/.test(file) && dirname(file) !== join('cli', 'bin'),
  );
  for (const file of files) {
    const path = join(dist, file);
    const { code } = await transform(readFileSync(path, 'utf8'), {
      minifyWhitespace: true,
      minifySyntax: true,
      lineLimit: LINE_CHARACTERS,
      target: 'es2023',
    });
    writeFileSync(path, code);
  }
};

const copy = (from: string, to: string) => {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
};

/** Code of the web pages, compiled for browsers. */
const buildPages = async () => {
  mkdirSync(join(dist, 'cli/web/built'), { recursive: true });
  for (const [name, entry] of Object.entries(pageEntries))
    writeFileSync(join(dist, `cli/web/built/${name}.js`), await bundle(entry));
};

/** Compiled examples beside their sources, for machines without clang. Lines are told by BTF alone, as libbpf leaves objects. */
const compileExamples = async () => {
  const clang = requireTool('clang');
  for (const name of readdirSync(join(root, 'modules'))) {
    if (name === 'include') continue;
    const path = join(dist, 'modules', name, `${name}.o`);
    writeFileSync(path, await compileModule(join(root, 'modules', name, `${name}.c`), { clang }));
    await run(requireTool('llvmStrip'), ['--strip-debug', path]);
  }
};

const buildImages = async () => {
  mkdirSync(prebuilt, { recursive: true });
  await buildKernel({ onProgress: () => {} });
  const elf = join(prebuilt, 'kernel.elf');
  copy(paths.elf, elf);
  await run(requireTool('llvmStrip'), ['--wildcard', '--strip-symbol=$*', elf]); // mapping symbols, for disassemblers: 11 KB packed
  for (const { dts } of Object.values(boards)) {
    if (dts) copy(await compileDeviceTree(dts), join(prebuilt, `${dts}.dtb`));
  }
  await loadHost();
  copy(paths.wasm, join(prebuilt, 'velocity.wasm'));
};

/** Only what the code itself asks of it: npm reads the other one. */
const writeManifest = () => {
  const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  writeFileSync(
    join(dist, 'package.json'),
    `${JSON.stringify({ name, version, type, private: true }, null, 2)}\n`,
  );
};

installTools(['clang', 'lld', 'wasmLd', 'llvmStrip', 'dtc'], say);
rmSync(dist, { recursive: true, force: true });
say('compiling TypeScript…');
compileTypeScript();
for (const asset of assets) copy(join(root, asset), join(dist, asset));
await squeezeJavaScript();
writeManifest();
say('building the kernel, device trees, WebAssembly and examples…');
await buildImages();
await buildPages();
await compileExamples();
