import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseBench, type RigBoard } from './bench/index.ts';
import { BoardLockedError, holderOf, lockBoard, lockFolder } from './lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-locks-'));
process.env.VELOCITY_RIG_LOCKS = join(folder, 'locks');
test.after.always(() => rmSync(folder, { recursive: true }));

const options = { root: '/somewhere', command: 'a test' };
const virtual = (name: string): RigBoard =>
  parseBench(`boards:\n  ${name}: { board: qemu-virt, emulated: true }`, 'x')[0]!;
const real = (name: string, port: string): RigBoard =>
  parseBench(`boards:\n  ${name}: { board: rpi5, serial: '${port}' }`, 'x')[0]!;

const lockFiles = (name: string) => readdirSync(lockFolder()).filter((file) => file.startsWith(name));

/** Leaves the lock of this board in the name of another process. */
const rewriteHolder = (name: string, change: object) => {
  const path = join(lockFolder(), lockFiles(name)[0]!);
  const holder = JSON.parse(readFileSync(path, 'utf8')) as object;
  rmSync(path);
  writeFileSync(path, JSON.stringify({ ...holder, ...change }));
};

test('a_second_holder_is_refused_and_told_who_the_first_is', async (t) => {
  const board = virtual('one');
  const free = await lockBoard(board, options);
  const error = await t.throwsAsync(lockBoard(board, { ...options, command: 'another' }), {
    instanceOf: BoardLockedError,
  });
  t.regex(error.message, new RegExp(`one is in use by .+@.+ \\(process ${process.pid}, a test, since 20`));
  t.is(holderOf(board, options.root)?.pid, process.pid);
  free();
  t.is(holderOf(board, options.root), undefined);
  (await lockBoard(board, options))();
});

test('the_lock_of_a_process_that_ended_is_taken_over_and_said_so', async (t) => {
  const board = virtual('two');
  const child = spawn('true');
  await once(child, 'close');
  await lockBoard(board, options);
  rewriteHolder('two', { pid: child.pid, started: '1', user: 'someone' });
  const said: string[] = [];
  const free = await lockBoard(board, { ...options, say: (line) => said.push(line) });
  t.regex(said[0]!, /took over the lock of someone@.*which has ended/);
  free();
});

test('a_process_number_that_is_used_again_is_another_process', async (t) => {
  const board = virtual('three');
  await lockBoard(board, options);
  rewriteHolder('three', { started: '1' });
  const free = await lockBoard(board, options);
  t.is(holderOf(board, options.root)?.pid, process.pid);
  free();
});

test('waiting_ends_when_the_holder_lets_go', async (t) => {
  const board = virtual('four');
  const free = await lockBoard(board, options);
  const said: string[] = [];
  const second = lockBoard(board, { ...options, waitMs: 60_000, say: (line) => said.push(line) });
  setTimeout(free, 300);
  (await second)();
  t.regex(said[0]!, /waiting for/);
});

test('one_port_under_two_names_is_one_board', async (t) => {
  const port = join(folder, 'tty');
  writeFileSync(port, '');
  symlinkSync(port, join(folder, 'by-id'));
  const free = await lockBoard(real('five', port), options);
  const other = { ...real('five', join(folder, 'by-id')) };
  await t.throwsAsync(lockBoard(other, options), { instanceOf: BoardLockedError });
  free();
});

test('a_holder_on_another_machine_is_not_taken_for_dead_and_the_way_on_is_said', async (t) => {
  const board = virtual('eight');
  await lockBoard(board, options);
  rewriteHolder('eight', { host: 'elsewhere', started: '1' });
  t.is(holderOf(board, options.root)?.host, 'elsewhere');
  const error = await t.throwsAsync(lockBoard(board, { ...options, waitMs: 300 }), {
    instanceOf: BoardLockedError,
  });
  t.regex(error.hint, /can't be seen from here: if it does not, remove .*eight-.*json$/);
});

test.serial('a_dead_lock_that_is_not_ours_to_remove_is_said_to_be_that', async (t) => {
  const board = virtual('nine');
  await lockBoard(board, options);
  rewriteHolder('nine', { started: '1', user: 'someone' });
  const { rmSync: real } = fs;
  t.teardown(() => {
    fs.rmSync = real;
    syncBuiltinESMExports();
  });
  fs.rmSync = (path, how) => {
    if (!String(path).endsWith('.json')) real(path, how);
    else throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
  };
  syncBuiltinESMExports();
  const error = await t.throwsAsync(lockBoard(board, { ...options, waitMs: 60_000 }), {
    instanceOf: BoardLockedError,
  });
  t.regex(error.hint, /has ended, and its lock is not yours: have someone or an administrator remove/);
});

test('of_many_that_find_a_dead_lock_one_gets_it', async (t) => {
  const board = virtual('six');
  await lockBoard(board, options);
  rewriteHolder('six', { pid: 2 ** 22 + 1, started: '1' });
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockBoard(board, options)));
  t.is(tries.filter(({ status }) => status === 'fulfilled').length, 1);
});

test.serial('a_user_without_a_name_is_a_number', async (t) => {
  const { userInfo } = os;
  t.teardown(() => {
    os.userInfo = userInfo;
    syncBuiltinESMExports();
  });
  os.userInfo = () => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  };
  syncBuiltinESMExports();
  const board = virtual('seven');
  const free = await lockBoard(board, options);
  t.is(holderOf(board, options.root)?.user, String(process.getuid?.()));
  free();
});
