import test from 'ava';
import { lineDiff, sideBySide } from './line-diff.ts';

const lines = (text: string) => [...text];

test('the diff gives both texts back, and keeps what they have in common', (t) => {
  const texts = ['', 'a', 'abcdef', 'abxdef', 'fedcba', 'aabbaabb', 'xaby', 'abcdefabcdef'].map(lines);
  for (const before of texts)
    for (const after of texts) {
      const diff = lineDiff(before, after);
      const side = (sign: string) =>
        diff.filter((line) => line[0] === ' ' || line[0] === sign).map((l) => l.slice(2));
      t.deepEqual(side('-'), before);
      t.deepEqual(side('+'), after);
      if (before === after) t.true(diff.every((line) => line[0] === ' '));
    }
});

test('what took the place of something stands beside it', (t) => {
  t.deepEqual(sideBySide(lines('abcd'), lines('axyd')), [
    ['a', 'a'],
    ['b', 'x'],
    ['c', 'y'],
    ['d', 'd'],
  ]);
  t.deepEqual(sideBySide(lines('ab'), lines('b')), [
    ['a', null],
    ['b', 'b'],
  ]);
});

test('texts without end are not compared line by line', (t) => {
  const [before, after] = ['a', 'b'].map((name) => Array.from({ length: 3000 }, (_, i) => `${name}${i}`));
  t.is(lineDiff(before!, after!).length, 6000);
});
