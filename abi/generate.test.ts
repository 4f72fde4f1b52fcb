import test from 'ava';
import { staleFiles } from './generate.ts';

test('generated_headers_are_up_to_date', (t) => {
  t.deepEqual(staleFiles(), [], 'run npm run generate');
});
