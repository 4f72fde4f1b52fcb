import test from 'ava';
import type { ModuleInfo } from '../../link/index.ts';
import { advance, disconnected, emptyState, type MonitorState } from '../state.ts';
import { reading, telemetry } from '../test/readings.ts';
import type { Boards } from './board.ts';
import { emptyScreen, type Screen } from './keys.ts';
import { renderPlain } from './plain.ts';
import { Scrollback } from './scrollback.ts';
import { textOf } from './styled.ts';
import { boardText, compose, type Size } from './view.ts';

const wide: Size = { columns: 200, rows: 40 };
const one = advance(emptyState, reading(telemetry()));

type What = { size?: Size; screen?: Partial<Screen>; console?: Scrollback; keyboard?: boolean };

const frame = (boards: Boards | MonitorState, { size = wide, screen = {}, console, keyboard }: What = {}) =>
  compose({
    boards: boards instanceof Map ? boards : new Map([['/dev/ttyUSB0', boards as MonitorState]]),
    screen: { ...emptyScreen, ...screen },
    console: console ?? new Scrollback(),
    size,
    ...(keyboard === undefined ? {} : { keyboard }),
  });

const lines = (...args: Parameters<typeof frame>) => frame(...args).map((each) => textOf(each).trimEnd());

const talked = (count: number) => {
  const console = new Scrollback();
  for (let i = 1; i <= count; i += 1) console.add(`line ${i}`);
  return console;
};

test('board, link, cores and modules are shown', (t) => {
  const shown = lines(one);
  t.regex(
    shown[0]!,
    /QEMU virt {2}velocity 0\.1\.0 abababababab {2}4 cores {2}link 8 ok, 1 resent, 2 damaged/,
  );
  t.is(shown[1], 'core0 ? ticks/s ? wake-ups/s stack 25.0%');
  t.regex(shown[3]!, /^▸ fir +timer +1 +live +100 +0 +200 +150 +255 +900 +900 +1\.0% +0 +2\^7 █ ▁ +█$/);
});

test('a frame has as many lines as the terminal, however small or large', (t) => {
  const boards = new Map([1, 2, 3, 4].map((n) => [`port${n}`, one]));
  for (const columns of [1, 2, 5, 40, 300])
    for (const rows of [1, 2, 3, 4, 6, 10, 24, 100])
      for (const screen of [{}, { help: true }, { zoom: 'console' }, { zoom: 'modules' }] as const)
        t.is(frame(boards, { size: { columns, rows }, screen, console: talked(50) }).length, rows);
});

test('a board that went away is said to be so, and its last figures stay', (t) => {
  const shown = lines(disconnected(one, 'unplugged'));
  t.regex(shown[0]!, /DISCONNECTED: unplugged/);
  t.regex(shown[3]!, /^▸ fir /);
  t.is(lines(disconnected(emptyState, 'no such port'))[0], 'waiting for the board: no such port');
});

test('plain lines name what a log reader needs', (t) => {
  t.is(
    renderPlain(one.rows[0]!),
    'fir v1  calls 100 (0/s)  cycles/call 200.0 (150..900, p99 ≤ 900)  2^7 █ ▁',
  );
});

test('a module that was not called meanwhile has no mean, not one of 0', (t) => {
  const idle = advance(one, reading(telemetry())).rows[0]!;
  t.regex(renderPlain(idle), /^fir v1 {2}calls 100 \(0\/s\) {2}cycles\/call – \(150\.\.900,/);
});

/** Ten intervals, each slower than the one before. */
const slowing = Array.from({ length: 10 }, (_, i) => BigInt(i + 1)).reduce(
  (state, n) =>
    advance(
      state,
      reading(telemetry({ time_ns: n * 1_000_000_000n, calls: n * 100n, cycles: n * n * 10_000n })),
    ),
  emptyState,
);

test('what is needed least is left out where the terminal is narrow', (t) => {
  const titleAt = (columns: number) =>
    lines(slowing, { size: { columns, rows: 24 } }).find((text) => text.startsWith('  MODULE'))!;
  t.regex(titleAt(80), /CALLS\/S +MEAN +P99 ≤ +MAX +BUDGET +FAULTS +TREND$/);
  t.regex(titleAt(40), /^ {2}MODULE +VER +CALLS\/S +MEAN +P99 ≤ +MAX$/);
  t.notRegex(titleAt(60), /HISTOGRAM|MIN|…/);
});

test('a narrow trend shows the newest intervals', (t) => {
  const row = lines(slowing, { size: { columns: 80, rows: 24 } }).find((text) => text.startsWith('▸ fir'))!;
  t.regex(row, /0 {2}\S{8}$/);
  t.regex(lines(slowing)[3]!, / {2}\S{10}$/);
  t.true([...row].length <= 80);
});

test('what is said of the board takes more lines where the terminal is narrow, and loses nothing', (t) => {
  const shown = lines(one, { size: { columns: 40, rows: 24 } });
  t.deepEqual(shown.slice(0, 3), [
    'QEMU virt  velocity 0.1.0 abababababab',
    '4 cores  link 8 ok, 1 resent, 2 damaged',
    'core0 ? ticks/s ? wake-ups/s stack 25.0%',
  ]);
});

test('a part is not broken while a line of its own can hold it', (t) => {
  const shown = lines(one, { size: { columns: 36, rows: 24 } });
  t.deepEqual(shown.slice(0, 5), [
    'QEMU virt',
    'velocity 0.1.0 abababababab  4 cores',
    'link 8 ok, 1 resent, 2 damaged',
    'core0 ? ticks/s ? wake-ups/s stack',
    '25.0%',
  ]);
});

const three = () => {
  const boards = new Map<string, MonitorState>();
  boards.set('/dev/ttyUSB0', one);
  boards.set('rpi3b', disconnected(advance(emptyState, reading()), 'unplugged'));
  boards.set('tcp:lab:4000', emptyState);
  return boards;
};

test('several boards have a line each, and the chosen one the rest', (t) => {
  const shown = lines(three(), { screen: { board: 'rpi3b' } });
  t.deepEqual(shown.slice(0, 3), [
    '  1 /dev/ttyUSB0  QEMU virt  1 module, 0 calls/s, at most 1.0% of a budget, 2 messages damaged',
    '▸ 2 rpi3b         QEMU virt  AWAY: unplugged',
    '  3 tcp:lab:4000  waiting for the board',
  ]);
  t.regex(shown[4]!, /DISCONNECTED: unplugged/);
  t.regex(shown.at(-1)!, /←→ board/);
  t.true(lines(three()).some((text) => /^▸ fir +timer/.test(text)));
});

test('fifty boards leave room for the chosen one', (t) => {
  const boards = new Map(Array.from({ length: 50 }, (_, i) => [`port${i}`, one]));
  const shown = lines(boards, { screen: { board: 'port30' }, size: { columns: 80, rows: 24 } });
  t.true(shown.some((text) => text.startsWith('▸ 31 port30')));
  t.true(shown.some((text) => /… and \d+ more$/.test(text)));
  t.true(shown.some((text) => text.startsWith('▸ fir')));
});

const many = advance(
  emptyState,
  reading(...Array.from({ length: 64 }, (_, i) => telemetry({ name: `module-${i}` }))),
);

test('what does not fit a small terminal is left out around the cursor, and counted', (t) => {
  const shown = lines(many, { size: { columns: 80, rows: 20 }, screen: { selected: 'module-40' } });
  t.true(shown.some((text) => text.startsWith('▸ module-40 ')));
  t.regex(shown.at(-2)!, /… and \d+ more$/);
});

test('modules and console share the room, and each can have all of it', (t) => {
  const shown = (zoom: Screen['zoom']) => {
    const texts = lines(many, { size: { columns: 80, rows: 30 }, screen: { zoom }, console: talked(100) });
    return [/^[▸ ] module-/, /line \d+$/].map((what) => texts.filter((text) => what.test(text)).length);
  };
  const [modules, text] = shown('both') as [number, number];
  t.true(modules > 10 && text > 5, `${modules} modules, ${text} lines`);
  t.true(shown('modules')[0]! > modules && shown('modules')[1] === 0);
  t.true(shown('console')[1]! > text && shown('console')[0] === 0);
});

test('the newest console text is shown until older text is held', (t) => {
  const size = { columns: 80, rows: 20 };
  t.regex(lines(one, { size, console: talked(100) }).at(-2)!, /^\d\d:\d\d:\d\d line 100$/);
  const held = lines(one, { size, console: talked(100), screen: { heldAt: 60 } });
  t.regex(held.at(-2)!, /line 60$/);
  t.true(held.some((text) => text.includes('40 more below, End shows them')));
});

test('a canary, a fault and a budget that is nearly spent stand out', (t) => {
  const module = { name: 'fir', hook: 'timer', state: 'canary', bound: 64_000n } as ModuleInfo;
  const state = {
    ...advance(emptyState, { ...reading(telemetry()), modules: [module] }),
    mishaps: { fir: { faults: 2, rollbacks: 1 } },
  };
  const spans = frame(state).flatMap((each) => each.spans);
  const styleOf = (text: RegExp) => spans.find((each) => text.test(each.text))?.style;
  t.is(styleOf(/canary/), 'warning');
  t.is(styleOf(/2 \(1 back\)/), 'bad');
  t.is(styleOf(/97\.7%/), 'warning');
  t.is(styleOf(/damaged/), 'warning');
});

test('without a keyboard no keys are offered', (t) => {
  t.is(lines(one, { keyboard: false }).at(-1), 'Ctrl-C ends');
});

test('what is copied has every module, without marks and keys', (t) => {
  const text = boardText(many, 80).split('\n');
  t.is(text.filter((each) => each.startsWith('module-')).length, 64);
  t.notRegex(text.join('\n'), /▸|quit/);
});
