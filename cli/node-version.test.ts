/** The commands where Node.js is too old for them, native code has no build, or nothing can be started. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../firmware/index.ts';
import { exitCodes } from './exit-codes.ts';
import { temporaryFolder } from './test/command-line.ts';

const underNode = (version: string) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const program = join(root, 'cli/bin/velocity.mjs');
  return spawnSync(process.execPath, ['--import', `data:text/javascript,${pretend}`, program, '--version'], {
    encoding: 'utf8',
  });
};

test('an_old_node_is_told_in_a_sentence_and_one_that_is_new_enough_is_not', (t) => {
  const { status, stderr } = underNode('18.19.1');
  t.is(status, exitCodes.missing_tool.code);
  t.is(stderr, 'velocity: Node.js 18.19.1 is too old; install version 20 or newer\n');
  t.is(underNode('20.0.0').status, 0);
});

/** As on a system for which nobody built the native parts of packages. */
const withoutNative = (...args: string[]) => {
  const pretend = "process.dlopen = () => { throw new Error('no build for this system') }";
  const program = join(root, 'cli/bin/velocity.mjs');
  const all = ['--import', `data:text/javascript,${pretend}`, program, ...args];
  return spawnSync(process.execPath, all, { encoding: 'utf8' });
};

test('where_native_code_has_no_build_only_what_needs_it_is_refused', (t) => {
  const folder = temporaryFolder();
  t.is(withoutNative('--version').status, 0);
  t.is(withoutNative('keys', 'list').status, 0);
  const port = withoutNative('monitor', '--port', join(folder, 'ttyUSB0'));
  t.is(port.status, exitCodes.missing_tool.code);
  t.regex(port.stderr, /^velocity: serial ports cannot be opened: .*\n {2}hint: build it/);
  const store = withoutNative('monitor', '--port', 'tcp:127.0.0.1:1', '--store', join(folder, 'store'));
  t.is(store.status, exitCodes.missing_tool.code);
  t.regex(store.stderr, /no store can be opened: libsql does not load .*\n {2}hint: npm has builds/);
  const usb = withoutNative('flash', '--list');
  t.is(usb.status, exitCodes.missing_tool.code);
  t.regex(
    usb.stderr,
    /^velocity: USB: cannot be used: the package usb does not load .*\n {2}hint: npm has builds/,
  );
});

const starters = {
  'a clone': `exec '${join(root, 'velocity')}'`,
  'the package': `exec node '${join(root, 'cli/bin/velocity.mjs')}'`,
};

for (const [name, start] of Object.entries(starters))
  test(`a_folder_in_which_nothing_starts_is_told_in_a_sentence: ${name}`, (t) => {
    const within = (folder: string, env: NodeJS.ProcessEnv = {}) =>
      spawnSync('bash', ['-c', `${folder}; ${start} --version`], {
        cwd: temporaryFolder(),
        encoding: 'utf8',
        env: { ...process.env, ...env },
      });
    const gone = within('mkdir gone; cd gone; rmdir ../gone');
    t.is(gone.status, exitCodes.bad_file.code);
    t.regex(gone.stderr, /velocity: the current folder is gone, or its name is not UTF-8\n {2}hint: run it/);
    t.is(within("mkdir $'by\\xfftes'; cd $'by\\xfftes'").status, exitCodes.bad_file.code);
    const noFolder = within(':', { TMPDIR: '/dev/null' });
    t.is(noFolder.status, exitCodes.bad_file.code);
    t.regex(noFolder.stderr, /^velocity: \/dev\/null is no folder for temporary files\n/);
    t.is(within(':').status, 0);
  });
