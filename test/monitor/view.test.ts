/** The monitor's terminal view on an emulated terminal: what a person sees, and what keys do. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import { makeCleanup } from '../../cli/cleanup.ts';
import { type BoardAction, MonitorView } from '../../cli/monitor-view.ts';
import { Output } from '../../cli/output.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import type { Entry } from '../../monitor/index.ts';
import { reading, telemetry } from '../../monitor/test/readings.ts';
import { entries } from '../../monitor/test/samples.ts';
import { EmulatedTerminal } from './emulated-terminal.ts';

const open = async (terminal = new EmulatedTerminal()) => {
  const output = new Output(false, terminal.display, terminal.display);
  const cleanup = makeCleanup();
  const view = await MonitorView.open({ output, cleanup }, terminal);
  return { terminal, output, cleanup, view };
};

const names = ['fir', 'gemv', 'udp-filter'];

const told = (calls = 1): Entry => ({
  kind: 'reading',
  time_ms: 1,
  reading: reading(...names.map((name) => telemetry({ name, calls: BigInt(calls) }))),
});

const said = (text: string): Entry => ({ kind: 'console', time_ms: 1, line: text });

test('console text, board and modules are seen, and the terminal is as it was after the end', async (t) => {
  const { terminal, view } = await open();
  const tell = view.board('p');
  await terminal.until(() => terminal.isAlternate);
  t.true(terminal.raw);
  for (const entry of [said('hello'), told()]) tell(entry);
  await terminal.shows(/QEMU virt[\s\S]*▸ fir [\s\S]* {2}gemv [\s\S]*─ console ─[\s\S]*hello[\s\S]*q quit/);
  view.close();
  await terminal.until(() => !terminal.isAlternate);
  t.false(terminal.raw);
  t.regex(terminal.everything, /hello\nQEMU virt[\s\S]*\nfir [\s\S]*\nudp-filter /);
  t.notRegex(terminal.everything, /quit|▸/);
});

test('what was on the terminal before is there again afterwards', async (t) => {
  const terminal = new EmulatedTerminal();
  terminal.display.write('$ velocity monitor\n');
  const { view } = await open(terminal);
  view.board('p')(told());
  await terminal.shows(/^QEMU/);
  view.close();
  await terminal.shows(/^\$ velocity monitor\n/);
  t.pass();
});

test('keys pause, choose, filter, copy, send a line and roll back', async (t) => {
  const { terminal, view } = await open();
  const asked: (BoardAction & { port: string })[] = [];
  view.perform = async (action, port) => {
    asked.push({ ...action, port });
    return action.kind === 'rollback' ? 'gemv runs version 1 again' : '';
  };
  const tell = view.board('p');
  tell(told());
  await terminal.shows(/▸ fir /);
  terminal.type('j');
  await terminal.shows(/▸ gemv /);
  terminal.type('r');
  await terminal.shows(/roll gemv back to the version before\? y\/n/);
  terminal.type('y');
  await terminal.shows(/gemv runs version 1 again/);
  terminal.type('cstats');
  await terminal.shows(/console> stats▏/);
  terminal.type('\r');
  terminal.type('fudp\r');
  await terminal.until((screen) => /only “udp”/.test(screen) && !/gemv /.test(screen));
  t.deepEqual(asked, [
    { kind: 'rollback', module: 'gemv', port: 'p' },
    { kind: 'command', line: 'stats', port: 'p' },
  ]);
  terminal.type('y');
  await terminal.shows(/copied/);
  t.regex(terminal.copied, /^QEMU virt[\s\S]*\nfir [\s\S]*\ngemv [\s\S]*\nudp-filter .*\n$/);
  terminal.type('p');
  await terminal.shows(/PAUSED/);
  tell(told(77_777));
  tell(said('said meanwhile'));
  terminal.type('p');
  await terminal.until((screen) => /77\.8k/.test(screen) && /said meanwhile/.test(screen));
  view.close();
});

test('nothing changes on the screen while paused', async (t) => {
  const { terminal, view } = await open();
  const tell = view.board('p');
  tell(told());
  tell(said('before'));
  await terminal.shows(/before/);
  terminal.type('p');
  await terminal.shows(/PAUSED/);
  tell(told(77_777));
  tell(said('after'));
  terminal.type('?');
  await terminal.shows(/Ctrl-Z/); // drawn since
  terminal.type('?');
  await terminal.shows(/1 more below, End shows them/);
  t.notRegex(terminal.screen.join('\n'), /77\.8k|after/);
  view.close();
});

test('older console text is scrolled to, and stays in sight while more comes', async (t) => {
  const { terminal, view } = await open();
  const tell = view.board('p');
  tell(told());
  for (let i = 0; i < 200; i += 1) tell(said(`line ${i}.`));
  await terminal.shows(/line 199\./);
  terminal.type('\x1b[5~');
  await terminal.shows(/more below/);
  const kept = terminal.screen.filter((text) => text.includes('line '));
  tell(said('line 200.'));
  terminal.type('\f');
  await terminal.shows(/more below/);
  t.deepEqual(
    terminal.screen.filter((text) => text.includes('line ')),
    kept,
  );
  terminal.type('\x1b[F');
  await terminal.shows(/line 200\./);
  view.close();
});

test('a terminal that is made narrow, tiny and large again is drawn as large as it is', async (t) => {
  const { terminal, view } = await open();
  view.board('p')(told());
  view.board('q')(said('hello'));
  await terminal.shows(/hello/);
  for (const [columns, rows] of [
    [40, 24],
    [3, 2],
    [1, 1],
    [250, 60],
  ] as const) {
    terminal.resize(columns, rows);
    await terminal.until((screen) => screen.split('\n').length === rows);
  }
  await terminal.shows(/▸ fir [\s\S]*hello[\s\S]*\? help$/);
  terminal.resize(40, 24);
  await terminal.shows(/MODULE +VER +CALLS\/S +MEAN +P99 ≤\n[\s\S]*q: hello/);
  t.true(terminal.screen.every((text) => [...text].length <= 40));
  view.close();
});

for (const [NO_COLOR, colored] of [
  ['', true],
  ['1', false],
] as const) {
  test.serial(`with NO_COLOR=${NO_COLOR} there ${colored ? 'is' : 'is no'} colour`, async (t) => {
    const before = process.env.NO_COLOR;
    process.env.NO_COLOR = NO_COLOR;
    const { terminal, view } = await open();
    process.env.NO_COLOR = before ?? '';
    const tell = view.board('p');
    tell(told());
    tell({ kind: 'down', time_ms: 2, why: 'unplugged' });
    await terminal.shows(/DISCONNECTED: unplugged/);
    t.is(terminal.hasColor, colored);
    view.close();
  });
}

test('lines and progress of others are seen within the view, and disturb nothing', async (t) => {
  const { terminal, view, output } = await open();
  view.board('p')(told());
  output.note('velocity: run.db: not written: no space left');
  output.fact({ event: 'serving' }, 'web page: http://127.0.0.1:8477');
  output.progress('compiling 3/184');
  await terminal.shows(
    /▸ fir [\s\S]*not written: no space left\n.*web page: http:\/\/127\.0\.0\.1:8477\ncompiling 3\/184 {2}q quit/,
  );
  output.note('done');
  await terminal.until((screen) => /done/.test(screen) && !/compiling/.test(screen));
  view.close();
  await terminal.until(() => !terminal.isAlternate);
  t.regex(terminal.everything, /web page: http/);
});

test.serial('a type of terminal that is a path loads no code from there', async (t) => {
  const file = join(temporaryFolder(), 'type.js');
  writeFileSync(file, 'globalThis.loadedByType = true');
  const types = join(dirname(createRequire(import.meta.url).resolve('terminal-kit')), 'termconfig');
  const { TERM } = process.env;
  process.env.TERM = relative(types, file.slice(0, -'.js'.length));
  const { view } = await open();
  view.close();
  process.env.TERM = TERM;
  t.false('loadedByType' in globalThis);
});

test('an error gives the terminal back first', async (t) => {
  const { terminal, output, view } = await open();
  view.board('p');
  output.fail({ exit: 5, code: 'unplugged', message: 'p: went away', hint: 'plug it in' });
  await terminal.until(() => !terminal.isAlternate);
  t.false(terminal.raw);
  await terminal.shows(/velocity: p: went away\n {2}hint: plug it in/);
});

test('control characters of a board do nothing to the terminal', async (t) => {
  const { terminal, view } = await open();
  const tell = view.board('p');
  tell(entries[1]!);
  tell(said('\x1b]52;c;b3duZWQ=\x07\x1b[2J\rgone\x9b31m'));
  await terminal.shows(/QEMU "virt"\\�[\s\S]*�\]52;c;b3duZWQ=��\[2J�gone�31m/);
  t.is(terminal.copied, '');
  terminal.type('y');
  await terminal.shows(/copied/);
  t.regex(terminal.copied, /^QEMU "virt"\\� /);
  view.close();
  await terminal.until(() => !terminal.isAlternate);
  t.regex(terminal.everything, /QEMU "virt"\\� /);
});

test('bytes that are no text and broken key sequences are survived', async (t) => {
  const { terminal, view } = await open();
  view.board('p')(told());
  for (const bytes of [[0x80], [0xff, 0xfe], [0xe2, 0x82], [0x1b, 0x5b], [0x1b, 0x5b, 0x39, 0x39, 0x7e], [0]])
    terminal.type(Uint8Array.from(bytes));
  terminal.type('xj');
  await terminal.shows(/▸ gemv/);
  t.pass();
  view.close();
});

test('q ends the command, and the terminal is given back at once', async (t) => {
  const { terminal, cleanup } = await open();
  terminal.type('q');
  await terminal.until(() => !terminal.isAlternate);
  t.true(cleanup.signal.aborted);
  t.false(terminal.raw);
});

test('where there is no keyboard, it is said how to end', async (t) => {
  const terminal = new EmulatedTerminal();
  Object.assign(terminal.keyboard, { isTTY: false });
  const { view } = await open(terminal);
  view.board('p')(told());
  await terminal.shows(/Ctrl-C ends/);
  t.false(terminal.raw);
  view.close();
});
