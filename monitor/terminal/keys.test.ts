import test from 'ava';
import {
  type Action,
  chosen,
  cursor,
  emptyScreen,
  footer,
  help,
  type Key,
  press,
  type Screen,
} from './keys.ts';
import { textOf } from './styled.ts';

const names = ['fir', 'gemv', 'udp-filter'];
const last = (screen: Screen, width = 200) =>
  textOf(footer(screen, { several: false, width, keyboard: true, progress: '' }));

const keyOf = (text: string): Key =>
  text.startsWith('<') ? { name: text.slice(1, -1), text: '' } : { name: text, text };

const type = (...keys: string[]): { screen: Screen; actions: Action[] } => {
  const actions: Action[] = [];
  const screen = keys.map(keyOf).reduce((before: Screen, key) => {
    const pressed = press(before, key, names);
    if (pressed.action) actions.push(pressed.action);
    return pressed.screen;
  }, emptyScreen);
  return { screen, actions };
};

test('q and Ctrl-C quit', (t) => {
  t.deepEqual(type('q').actions, [{ kind: 'quit' }]);
  t.deepEqual(press(emptyScreen, { name: 'c', ctrl: true, text: '\x03' }, names).action, { kind: 'quit' });
});

test('y copies, and answers a question where there is one', (t) => {
  t.deepEqual(type('y').actions, [{ kind: 'copy' }]);
  t.deepEqual(type('f', 'y', '<return>').screen.filter, 'y');
});

test('rolling back asks, and only y does it', (t) => {
  t.deepEqual(type('<down>', 'r', 'y').actions, [{ kind: 'rollback', module: 'gemv' }]);
  for (const answer of ['n', '<escape>', 'x', 'q', '<return>'])
    t.deepEqual(type('r', answer).actions, [], answer);
  t.regex(last(type('r').screen), /roll fir back.*y\/n/);
});

test('the cursor stays within the list, and on its module when the list changes', (t) => {
  t.is(cursor(type('<up>').screen, names), 'fir');
  t.is(cursor(type('j', 'j', 'j', 'j').screen, names), 'udp-filter');
  t.is(cursor(type('j').screen, ['a', 'gemv']), 'gemv');
  t.is(cursor(type('j').screen, ['a']), 'a');
  t.is(cursor(emptyScreen, []), undefined);
});

test('a filter is typed, corrected and dropped', (t) => {
  t.is(type('f', 'u', 'd', 'q', '<backspace>', '<return>').screen.filter, 'ud');
  t.is(type('f', 'u', '<escape>').screen.filter, '');
});

test('a console command is sent as typed, keys within it do nothing else', (t) => {
  t.deepEqual(type('c', 'q', 'p', ' ', 'r', '<return>').actions, [{ kind: 'command', line: 'qp r' }]);
  t.deepEqual(type('c', '<return>').actions, []);
  t.deepEqual(type('c', 'x', '<escape>').actions, []);
});

test('p pauses and goes on', (t) => {
  t.true(type('p').screen.paused);
  t.false(type('p', 'p').screen.paused);
});

test('keys turn from board to board, and the cursor begins anew there', (t) => {
  const ports = ['/dev/ttyUSB0', 'rpi3b', 'rpi4b'];
  const after = (...keys: string[]) =>
    keys.map(keyOf).reduce((screen, key) => press(screen, key, names, ports).screen, emptyScreen);
  t.is(chosen(emptyScreen, ports), '/dev/ttyUSB0');
  t.is(after('<tab>').board, 'rpi3b');
  t.is(after('<left>').board, 'rpi4b');
  t.is(after('<right>', '<right>', '<right>').board, '/dev/ttyUSB0');
  t.like(after('<down>', '3'), { board: 'rpi4b', selected: undefined });
  t.is(after('7').board, undefined);
  t.is(type('<tab>', '2').screen.board, undefined, 'one board alone');
});

test('Ctrl-C quits even while something is asked', (t) => {
  for (const keys of [['r'], ['f', 'x'], ['c'], ['?']]) {
    const { screen } = type(...keys);
    t.deepEqual(press(screen, { name: 'c', ctrl: true, text: '\x03' }, names).action, { kind: 'quit' });
  }
});

test('keys of the console ask for pages, and End goes to the newest text', (t) => {
  t.deepEqual(type('<pageup>', '<pagedown>').actions, [
    { kind: 'scroll', to: 'page before' },
    { kind: 'scroll', to: 'page after' },
  ]);
  t.is(press({ ...emptyScreen, heldAt: 7 }, keyOf('<end>'), names).screen.heldAt, undefined);
});

test('z shows both, modules, console and both again', (t) => {
  t.deepEqual(
    [1, 2, 3].map((times) => type(...Array.from({ length: times }, () => 'z')).screen.zoom),
    ['modules', 'console', 'both'],
  );
});

test('? tells of every key, and any key leads back without doing anything', (t) => {
  const text = help({ columns: 80, rows: 40 }).map(textOf).join('\n');
  for (const key of ['q', 'p', 'f', '↑↓', '←→', 'r', 'c', 'y', 'PgUp', 'z', 'Ctrl-L', 'Ctrl-Z'])
    t.regex(text, new RegExp(`^${key} `, 'm'), key);
  t.true(help({ columns: 40, rows: 15 }).every((each) => textOf(each).length <= 40));
  t.regex(help({ columns: 40, rows: 15 }).map(textOf).join('\n'), /^Ctrl-Z /m);
  t.like(type('?', 'r'), { screen: { help: false, prompt: undefined }, actions: [] });
});

test('as many keys are offered as there is room for, and where the rest is told always', (t) => {
  for (const width of [10, 40, 80, 200]) {
    t.true([...last(emptyScreen, width)].length <= width, `${width}`);
    t.regex(last(emptyScreen, width), /\? help$/);
  }
  t.regex(last(emptyScreen, 80), /q quit {2}p pause {2}f filter/);
});

test('the end of a long answer is what stays in sight', (t) => {
  const { screen } = type('c', ...'help with a very long line'.split(''));
  t.regex(last(screen, 20), /^console> .*ine▏$/);
});
