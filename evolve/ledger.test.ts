import test from 'ava';
import { Ledger, LedgerError, memoryStore } from './index.ts';

const filled = () => {
  const store = memoryStore();
  const ledger = new Ledger(store, () => new Date(0));
  ledger.append('detect', 'fir', { cyclesPerCall: 300 });
  ledger.append('proposal', 'fir', { parent: 'aa', candidate: 'bb', verdict: 'refused', reason: 'slow' });
  ledger.append('outcome', 'fir', {
    parent: 'aa',
    candidate: 'cc',
    verdict: 'rolled_back',
    reason: 'canary_slower',
  });
  ledger.append('proposal', 'gemv', {
    parent: 'aa',
    candidate: 'dd',
    verdict: 'accepted',
    reason: '',
    bytes: new Uint8Array([1, 255]),
    n: 7n,
  });
  return store;
};

test('what_was_refused_or_taken_back_is_remembered_after_reopening', (t) => {
  const ledger = new Ledger(filled());
  t.is(ledger.refusal('aa', 'bb'), 'slow');
  t.is(ledger.refusal('aa', 'cc'), 'canary_slower');
  t.is(ledger.refusal('aa', 'dd'), undefined);
  t.is(ledger.refusal('ab', 'bb'), undefined);
  t.is(ledger.entries('fir').length, 3);
  t.is(ledger.entries('gemv')[0]!.bytes, '01ff');
});

test('a_changed_removed_or_swapped_line_is_found', (t) => {
  const { text } = filled();
  const lines = text.trimEnd().split('\n');
  const joined = (l: string[]) => `${l.join('\n')}\n`;
  const broken = [
    joined(lines.with(1, lines[1]!.replace('slow', 'fast'))),
    joined([lines[0]!, ...lines.slice(2)]),
    joined([lines[1]!, lines[0]!, ...lines.slice(2)]),
    joined(lines.with(2, 'not json')),
  ];
  for (const b of broken) t.throws(() => new Ledger(memoryStore(b)), { instanceOf: LedgerError });
  t.notThrows(() => new Ledger(memoryStore(text)));
});

test('a_line_that_was_cut_short_is_removed_and_noted', (t) => {
  const store = memoryStore(filled().text.slice(0, -20));
  const ledger = new Ledger(store);
  t.deepEqual(
    ledger.entries().map((e) => e.kind),
    ['detect', 'proposal', 'outcome', 'repaired'],
  );
  t.notThrows(() => new Ledger(memoryStore(store.text)));
});
