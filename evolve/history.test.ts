import test from 'ava';
import { historiesOf, historyOf } from './history.ts';
import { Ledger } from './ledger.ts';
import { memoryStore } from './ledger-store.ts';

const proposed = (ledger: Ledger, candidate: string) =>
  ledger.append('proposal', 'm', { candidate, parent: 'p' }).seq;

test('a line is named by its number, also where a later candidate begins with the same digits', (t) => {
  const ledger = new Ledger(memoryStore());
  while (ledger.entries().length < 999) ledger.append('rest', '', {});
  const seq = proposed(ledger, 'ab');
  const later = proposed(ledger, '1000ffff');
  t.is(seq, 1000);
  t.is(historyOf(ledger, '1000').proposal.seq, seq);
  t.is(historyOf(ledger, '1000f').proposal.seq, later);
});

test('each proposal has the detection before it and what became of it first', (t) => {
  const ledger = new Ledger(memoryStore());
  const add = (kind: 'detect' | 'proposal' | 'push' | 'outcome', candidate?: string) =>
    ledger.append(kind, 'm', candidate === undefined ? {} : { candidate, parent: 'p' }).seq;
  const early = add('proposal', 'a');
  const detect = add('detect');
  const first = add('proposal', 'a');
  const other = add('proposal', 'b');
  const push = add('push', 'a');
  const outcome = add('outcome', 'a');
  const again = add('proposal', 'a');
  const repushed = add('push', 'a');
  const numbers = historiesOf(ledger).map((history) => [
    history.proposal.seq,
    history.detection?.seq,
    history.push?.seq,
    history.outcome?.seq,
  ]);
  t.deepEqual(numbers, [
    [early, undefined, push, outcome],
    [first, detect, push, outcome],
    [other, detect, undefined, undefined],
    [again, detect, repushed, undefined],
  ]);
});
