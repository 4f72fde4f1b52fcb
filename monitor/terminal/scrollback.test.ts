import test from 'ava';
import { Scrollback } from './scrollback.ts';
import { textOf } from './styled.ts';

const HEIGHT = 7;

const filled = (count: number, text = (i: number) => `line ${i}`, width = 40) => {
  const console = new Scrollback();
  for (let i = 0; i < count; i += 1) console.add(text(i));
  const rows = (end: number) => console.rows(end, width, HEIGHT).map(textOf);
  return { console, rows, width };
};

/** Every row that is shown on the way from the newest page to the oldest, and back. */
const paged = ({ console, rows, width }: ReturnType<typeof filled>) => {
  const seen = { up: new Set(rows(console.end)), down: new Set<string>() };
  let end = console.end;
  for (let last = -1; end !== last; ) {
    last = end;
    end = console.pageUp(end, width, HEIGHT);
    for (const row of rows(end)) seen.up.add(row);
  }
  for (let next: number | undefined = end; next !== undefined; next = console.pageDown(next, width, HEIGHT))
    for (const row of rows(next)) seen.down.add(row);
  for (const row of rows(console.end)) seen.down.add(row);
  return seen;
};

test('paging passes over no line, up or down', (t) => {
  const all = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  const { up, down } = paged(filled(100));
  t.deepEqual([...up].sort(), [...all].sort());
  t.deepEqual([...down].sort(), [...all].sort());
});

test('long lines are wrapped, and paging passes over no row of theirs', (t) => {
  const text = (i: number) => `${String(i).padStart(3, '0')}${'x'.repeat(61)}${i}`;
  const { up, down } = paged(filled(40, text));
  for (let i = 0; i < 40; i += 1) {
    const rows = [text(i).slice(0, 40), text(i).slice(40)];
    t.true(
      rows.every((row) => up.has(row) && down.has(row)),
      `line ${i}`,
    );
  }
});

test('a line that is higher than the pane does not stop the paging', (t) => {
  const { up } = paged(filled(9, (i) => (i === 4 ? 'y'.repeat(2000) : `line ${i}`)));
  t.true(up.has('line 0'));
});

test('wide characters are not split, and count for two cells', (t) => {
  const console = new Scrollback((text) => [...text].reduce((sum, one) => sum + (one > '\u2e80' ? 2 : 1), 0));
  console.add('日本語日本語');
  t.deepEqual(console.rows(console.end, 5, 9).map(textOf), ['日本', '語日', '本語']);
});

test('the oldest lines are dropped, and the others keep their numbers', (t) => {
  const { console, rows } = filled(5000);
  t.is(console.end, 5000);
  t.true(console.texts.length <= 1000);
  t.is(rows(4500).at(-1), 'line 4499');
  t.deepEqual(rows(10), []);
});

test('control characters and those that turn the direction of text are shown as such', (t) => {
  const console = new Scrollback();
  console.add('a\x1b[2J\tb\u202ec\x9bd');
  t.is(textOf(console.rows(1, 40, 1)[0]!), 'a�[2J    b�c�d');
});
