import test from 'ava';
import { boardNamed, UnknownBoardError } from './index.ts';

test('what every object has is the name of no board', (t) => {
  for (const name of ['constructor', '__proto__', 'toString', ''])
    t.throws(() => boardNamed(name), { instanceOf: UnknownBoardError }, name);
  t.is(boardNamed('rpi4b').name, 'rpi4b');
});
