import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { withoutRoom } from '../cli/test/no-room.ts';
import { fileStore, Ledger, LedgerError, memoryStore, readLedger } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-ledger-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

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
    joined([...lines, 'null']),
    joined([...lines, '[]']),
    text.replaceAll('\n', '\n\n'),
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

test('two_loops_may_write_to_one_ledger', (t) => {
  const path = join(folder, 'new/shared.jsonl');
  const [one, other] = [new Ledger(fileStore(path)), new Ledger(fileStore(path))];
  for (const ledger of [one, other, other, one])
    ledger.append('rest', 'fir', { reason: 'nothing to gain, 300 → 300' });
  t.is(other.append('rest', 'gemv', {}).seq, 5);
  t.is(one.append('rest', 'gemv', {}).seq, 6);
  t.is(readLedger(path).entries().length, 6);
});

test('who_dies_in_the_middle_of_a_line_leaves_a_ledger_that_goes_on', (t) => {
  const path = join(folder, 'died.jsonl');
  const ledger = new Ledger(fileStore(path));
  ledger.append('rest', 'fir', { reason: 'x' });
  appendFileSync(path, Buffer.from('{"seq":2,"time":"→').subarray(0, -1));
  t.is(readLedger(path).entries().length, 1, 'looking at it repairs nothing');
  t.is(ledger.append('rest', 'fir', { reason: 'y' }).seq, 3);
  const kinds = readLedger(path)
    .entries()
    .map((e) => e.kind);
  t.deepEqual(kinds, ['rest', 'repaired', 'rest']);
});

test('a_newest_line_that_was_changed_or_removed_is_found', (t) => {
  const path = join(folder, 'newest.jsonl');
  const ledger = new Ledger(fileStore(path));
  for (const reason of ['x', 'y']) ledger.append('rest', 'fir', { reason });
  const text = readFileSync(path, 'utf8');
  const broken = [text.replace('"y"', '"z"'), text.slice(0, text.indexOf('\n') + 1), ''];
  for (const other of broken) {
    writeFileSync(path, other);
    t.throws(() => readLedger(path), { instanceOf: LedgerError, message: /newest lines were changed/ });
    t.throws(() => new Ledger(fileStore(path)), { instanceOf: LedgerError, message: /newest lines/ });
    t.is(readFileSync(path, 'utf8'), other);
  }
  writeFileSync(path, text);
  t.is(new Ledger(fileStore(path)).append('rest', 'fir', {}).seq, 3);
  rmSync(path);
  t.is(new Ledger(fileStore(path)).append('rest', 'fir', {}).seq, 1, 'who took it away begins anew');
});

test('who_dies_before_the_newest_line_was_noted_leaves_a_ledger_that_goes_on', (t) => {
  const path = join(folder, 'unnoted.jsonl');
  const ledger = new Ledger(fileStore(path));
  ledger.append('rest', 'fir', { reason: 'x' });
  const noted = readFileSync(`${path}.head`);
  ledger.append('rest', 'fir', { reason: 'y' });
  writeFileSync(`${path}.head`, noted);
  t.is(readLedger(path).entries().length, 2);
  t.is(new Ledger(fileStore(path)).append('rest', 'fir', {}).seq, 3);
  rmSync(`${path}.head`); // as ledgers of earlier releases have none
  t.is(new Ledger(fileStore(path)).append('rest', 'fir', {}).seq, 4);
});

test('what_is_no_ledger_is_refused_and_left_alone', (t) => {
  const path = join(folder, 'folder');
  mkdirSync(path);
  t.throws(() => new Ledger(fileStore(path)), { instanceOf: LedgerError, message: /folder is no file/ });
  for (const text of ['a note without a newline', 'a note\n', '\0\x7fELF']) {
    const note = join(folder, 'note');
    writeFileSync(note, text);
    t.throws(() => new Ledger(fileStore(note)), { instanceOf: LedgerError, message: /is no entry/ });
    t.is(readFileSync(note, 'utf8'), text);
  }
  const cut = join(folder, 'cut.jsonl');
  const ledger = new Ledger(fileStore(cut));
  ledger.append('rest', 'fir', { reason: 'x' });
  truncateSync(cut, 10);
  t.throws(() => ledger.append('rest', 'fir', {}), { instanceOf: LedgerError, message: /was cut/ });
  t.is(readFileSync(cut, 'utf8').length, 10);
});

test('a_ledger_that_finds_no_room_is_named_and_nothing_lies_beside_it', (t) => {
  const own = join(folder, 'full');
  mkdirSync(own);
  const path = join(own, 'ledger.jsonl');
  const program = `
    import { fileStore } from '${new URL('ledger-store.ts', import.meta.url).href}';
    const store = fileStore('${path}');
    for (const write of [() => store.append('x'.repeat(1 << 21)), () => store.note('x'.repeat(1 << 21))])
      try {
        write();
      } catch ({ message }) {
        console.log(message);
      }`;
  const said = 'EFBIG: file too large, write';
  t.deepEqual(withoutRoom(program), [`${path}: ${said}`, `${path}.head: ${said}`]);
  t.deepEqual(readdirSync(own), ['ledger.jsonl']);
});
