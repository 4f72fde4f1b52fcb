import test from 'ava';
import { encode } from 'cborg';
import { CodecError, decodeRecord, encodeRecord, type Message, messages, statuses } from './index.ts';

const sample = { off: 3, len: 9, sha: new Uint8Array(32), data: Uint8Array.of(1, 2) };

test('a_record_survives_encoding', (t) => {
  const bytes = encodeRecord(messages.stage.request, sample);
  t.deepEqual(decodeRecord(messages.stage.request, bytes), sample);
});

test('u64_keeps_all_its_bits', (t) => {
  const value = { seq: 0xffff_ffff_ffff_ffffn };
  const fields = { seq: messages.event.response.seq };
  t.deepEqual(decodeRecord(fields, encodeRecord(fields, value)), value);
});

test('unknown_keys_are_dropped', (t) => {
  t.deepEqual(decodeRecord(messages.rollback.response, encode({ version: 2, more: 1 })), { version: 2 });
});

for (const [what, value] of Object.entries({
  missing: {},
  text: { version: '2' },
  negative: { version: -1 },
  'too large': { version: 2 ** 32 },
  'a fraction': { version: 1.5 },
  'not a number': { version: Number.NaN },
  endless: { version: Number.POSITIVE_INFINITY },
})) {
  test(`a_field_that_is_${what}_is_refused_by_name`, (t) => {
    const error = t.throws(() => decodeRecord(messages.rollback.response, encode(value)), {
      instanceOf: CodecError,
    });
    t.is(error?.field, 'version');
  });
}

test('bytes_that_are_not_cbor_are_refused', (t) => {
  t.throws(() => decodeRecord(messages.info.response, Uint8Array.of(0xff, 0x01)), { instanceOf: CodecError });
});

test('message_ids_and_status_codes_are_unique', (t) => {
  const ids = Object.values<Message>(messages).map((m) => m.id);
  t.is(new Set(ids).size, ids.length);
  t.is(new Set(statuses.map((s) => s.code)).size, statuses.length);
  t.is(new Set(statuses.map((s) => s.name)).size, statuses.length);
});
