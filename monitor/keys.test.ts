import test from 'ava';
import { type Action, chosen, cursor, emptyScreen, footer, type Key, press, type Screen } from './keys.ts';

const names = ['fir', 'gemv', 'udp-filter'];
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
  t.regex(footer(type('r').screen), /roll fir back.*y\/n/);
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
