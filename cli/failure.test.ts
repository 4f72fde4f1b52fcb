import test from 'ava';
import { RestartedError } from '../link/index.ts';
import { makeCleanup } from './cleanup.ts';
import { exitCodes, exitCodeTable } from './exit-codes.ts';
import { FileError, failureOf, OutcomeError, UsageError } from './failure.ts';
import { jsonLine, Output } from './output.ts';

test('every exit code has its own number and its line in the table', (t) => {
  const codes = Object.values(exitCodes).map(({ code }) => code);
  t.is(new Set(codes).size, codes.length);
  t.is(exitCodeTable().split('\n').length, codes.length);
});

test('an unknown error is internal and shows where it came from', (t) => {
  const failure = failureOf(new TypeError('x is not a function'));
  t.is(failure.exit, exitCodes.internal.code);
  t.regex(failure.message, /failure\.test\.ts/);
  t.is(failureOf('a string').exit, exitCodes.internal.code);
  t.is(failureOf(undefined).exit, exitCodes.internal.code);
});

test('names that every object has are not taken for codes', (t) => {
  t.is(failureOf(Object.assign(new Error('x'), { code: 'toString' })).exit, exitCodes.internal.code);
});

test('what to do about a full disk is said, whoever ran into it', (t) => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  t.like(failureOf(full), { exit: 10, code: 'ENOSPC' });
  t.regex(failureOf(full).hint!, /make room/);
  t.is(failureOf(Object.assign(full, { hint: 'look' })).hint, 'look');
  const large = Object.assign(new Error('p: EFBIG: file too large, write'), { code: 'EFBIG' });
  t.regex(failureOf(large).hint!, /ulimit -f/);
  const denied = Object.assign(new Error("EACCES: permission denied, open 'p'"), { code: 'EACCES' });
  t.like(failureOf(denied), {
    exit: 5,
    hint: 'this user may not do that there: name another place, or change who may',
  });
});

test('a file that is not found since its name is not UTF-8 is said to be that', (t) => {
  const cause = Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  const lost = new FileError('by\ufffdtes.c', 'there is no such file', 'check the path', { cause });
  t.regex(failureOf(lost).hint!, /not UTF-8.*rename it/);
  t.is(failureOf(new FileError('bytes.c', 'there is no such file', 'check', { cause })).hint, 'check');
});

test('an error keeps its hint and its finer code', (t) => {
  t.like(failureOf(new UsageError('what', 'do this')), { exit: 2, code: 'usage', hint: 'do this' });
  t.like(failureOf(new FileError('f', 'is cut', 'record it again')), { exit: 10, message: 'f: is cut' });
  t.is(failureOf(new OutcomeError('verify_failed', '')).exit, 9);
  t.like(failureOf(new RestartedError('p', 'install')), { exit: 7, code: 'restarted' });
  t.like(failureOf(Object.assign(new Error('x'), { code: 'board_unavailable' })), {
    exit: 3,
    code: 'board_unavailable',
  });
});

test('JSON lines hold bytes as hex and large integers as text', (t) => {
  const value = { a: Uint8Array.of(1, 255), b: 5n, c: 2n ** 63n, d: [{ e: Uint8Array.of(2) }], f: undefined };
  t.is(jsonLine(value), '{"a":"01ff","b":5,"c":"9223372036854775808","d":[{"e":"02"}]}');
});

test('progress is not shown where nobody watches, and never mixes with results', (t) => {
  const written: string[] = [];
  const stream = (name: string, isTTY: boolean) => ({
    isTTY,
    write: (text: string) => written.push(name + text),
  });
  const piped = new Output(false, stream('out ', false), stream('err ', false));
  piped.progress('1/2');
  t.deepEqual(written, []);
  const watched = new Output(false, stream('out ', true), stream('err ', true));
  watched.progress('1/2');
  watched.print('done');
  t.deepEqual(written, ['err \r\x1b[K1/2', 'err \r\x1b[K', 'out done\n']);
});

test('progress stays in its lines on a narrow terminal, and is cleared whole', (t) => {
  const written: string[] = [];
  const stream = { isTTY: true, columns: 10, write: (text: string) => written.push(text) };
  const output = new Output(false, stream, stream);
  output.progress('1-1: 0123456789\n1-2: äöüß0123');
  output.print('done');
  t.deepEqual(written, ['\r\x1b[K1-1: 0123\n1-2: äöüß', '\r\x1b[K\x1b[1A\r\x1b[K', 'done\n']);
});

test('what comes from outside does not reach the terminal as it is', (t) => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  const output = new Output(false, stream, stream);
  output.fact({}, 'one\ttwo\r\nthree \x1b]0;title\x07 \u202egpj.exe\x9b2J');
  output.fail(failureOf(new FileError('\x1b[31mf', 'is cut', 'look')));
  t.deepEqual(written, [
    'one\ttwo\nthree \ufffd]0;title\ufffd \ufffdgpj.exe\ufffd2J\n',
    'velocity: \ufffd[31mf: is cut\n  hint: look\n',
  ]);
});

test('clean-up runs everything once, last first, whatever fails', async (t) => {
  const ran: string[] = [];
  const cleanup = makeCleanup();
  cleanup.add(() => ran.push('first'));
  cleanup.add(async () => {
    ran.push('fails');
    throw new Error('x');
  });
  const early = cleanup.add(() => ran.push('early'));
  await early();
  await cleanup.run();
  await cleanup.run();
  await early();
  t.deepEqual(ran, ['early', 'fails', 'first']);
});

test('clean-up waits for what was begun elsewhere', async (t) => {
  const cleanup = makeCleanup();
  let done = false;
  const stop = cleanup.add(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    done = true;
  });
  void stop();
  await cleanup.run();
  t.true(done);
});
