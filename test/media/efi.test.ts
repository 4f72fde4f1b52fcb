/** boot/efi.c against firmware that fails in each way it can, built for this machine with sanitizers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findTool, paths, requireTool, root } from '../../firmware/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-efi-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'firmware');

const sanitizers = findTool('sanitizers')
  ? ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  : [];
const flags = ['-std=c23', '-g', '-O1', '-Wall', '-Wextra', '-Werror', ...sanitizers, `-I${paths.kernel}`];

test.before(() => {
  const sources = [join(root, 'test/media/firmware.c'), join(paths.kernel, 'boot/efi.c')];
  execFileSync(requireTool('clang'), [...flags, '-o', program, ...sources]);
});

/** What the firmware saw: how it ended, with which status, after how many calls. */
const cases: Readonly<Record<string, RegExp>> = {
  'all well': /^\|left 0 maps 1 exits 1 texts 0$/,
  'stale once': /^\|left 0 maps 2 exits 2 texts 0$/,
  'always stale': /^\|returned 8000000000000002 maps 2 exits 2 texts 0$/,
  'no map': /^\|returned 8000000000000003 maps 1 exits 0 texts 0$/,
  'no tree': /hands over no device tree.*acpi=off.*\|returned 8000000000000003 maps 0 exits 0 texts 1$/,
  'null tree': /hands over no device tree.*\|returned 8000000000000003 /,
  'not a tree': /hands over no device tree.*\|returned 8000000000000003 /,
  'huge tree': /hands over no device tree.*\|returned 8000000000000003 /,
  'no memory': /too little memory.*\|returned 8000000000000001 maps 0 exits 0 texts 1$/,
  'no console': /^\|returned 8000000000000003 maps 0 exits 0 texts 0$/,
};

for (const [name, expected] of Object.entries(cases)) {
  test(`firmware_with_${name.replaceAll(' ', '_')}`, (t) => {
    const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }; // the kernel's memory is never given back
    t.regex(execFileSync(program, [name], { encoding: 'utf8', env, timeout: 20_000 }), expected);
  });
}
