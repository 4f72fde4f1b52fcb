/**
 * The kernel's link, compiled for this machine, spoken to byte by byte. Framing here is written from the documents
 * (Zephyr smp_protocol.rst, smp_transport.rst) on purpose, not taken from the host's side of this project. Long, as it is
 * about every byte of one line.
 */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { decode, encode } from 'cborg';
import {
  messages,
  SMP_BUFFER_BYTES,
  SMP_GROUP_IMAGE,
  SMP_GROUP_SIGNED,
  SMP_GROUP_VELOCITY,
  statusNamed,
} from '../../../abi/index.ts';
import { buildNative, linkSources } from './build.ts';

let host = '';

test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative('link_host', ['test/native/link_host.c', ...linkSources], t.log);
});

const exchange = (...input: readonly (Uint8Array | string)[]) => {
  const bytes = Buffer.concat(input.map((part) => Buffer.from(part)));
  const { status, stdout, stderr } = spawnSync(host, { input: bytes });
  if (status !== 0) throw new Error(`link_host ended with ${status}: ${stderr.toString()}`);
  return stdout;
};

const crc16 = (data: Uint8Array) => {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
};

const u16 = (value: number) => Buffer.of((value >> 8) & 0xff, value & 0xff);

/** Lines of a message; `perLine` bytes each, `size` to lie about its length. */
const lines = (body: Uint8Array, { perLine = 93, size = body.length } = {}) => {
  const packet = Buffer.concat([u16(size + 2), body, u16(crc16(body))]);
  return Array.from({ length: Math.ceil(packet.length / perLine) }, (_, i) =>
    Buffer.from(
      `${i === 0 ? '\x06\x09' : '\x04\x14'}${packet.subarray(i * perLine, (i + 1) * perLine).toString('base64')}\n`,
      'latin1',
    ),
  );
};
const frame = (body: Uint8Array) => Buffer.concat(lines(body));

type Header = {
  version?: number;
  op?: number;
  flags?: number;
  group?: number;
  seq?: number;
  id?: number;
  length?: number;
};

const message = (header: Header, payload: unknown = {}) => {
  const map = payload instanceof Uint8Array ? payload : encode(payload);
  const { version = 1, op = 2, flags = 0, group = 0, seq = 0x42, id = 0, length = map.length } = header;
  return Buffer.concat([
    Buffer.of((version << 3) | op, flags),
    u16(length),
    u16(group),
    Buffer.of(seq, id),
    map,
  ]);
};

type Reply = {
  op: number;
  version: number;
  flags: number;
  group: number;
  seq: number;
  id: number;
  payload: unknown;
};

const replies = (output: Buffer): Reply[] => {
  const found: Reply[] = [];
  let packet = Buffer.alloc(0);
  for (const line of output.toString('latin1').split('\n')) {
    if (line.startsWith('\x06\x09')) packet = Buffer.alloc(0);
    else if (!line.startsWith('\x04\x14')) continue;
    if (line.length > 126) throw new Error(`a line of ${line.length + 1} bytes`);
    packet = Buffer.concat([packet, Buffer.from(line.slice(2), 'base64')]);
    if (packet.length < 2 + packet.readUInt16BE(0)) continue;
    if (crc16(packet.subarray(2)) !== 0) throw new Error('the CRC of a reply is wrong');
    const body = packet.subarray(2, -2);
    if (body.readUInt16BE(2) !== body.length - 8) throw new Error('the length of a reply is wrong');
    const first = body.readUInt8(0);
    found.push({
      op: first & 7,
      version: (first >> 3) & 3,
      flags: body.readUInt8(1),
      group: body.readUInt16BE(4),
      seq: body.readUInt8(6),
      id: body.readUInt8(7),
      payload: decode(body.subarray(8), { allowBigInt: true }),
    });
  }
  return found;
};

const ask = (header: Header, payload: unknown = {}) => replies(exchange(frame(message(header, payload))))[0];
const rc = (name: string) => statusNamed(name).code;
const echo = message({}, { d: 'hello' });
const hello = { op: 3, version: 1, flags: 0, group: 0, seq: 0x42, id: 0, payload: { r: 'hello' } };

test('the_vector_of_the_documents_is_answered_to_the_byte', (t) => {
  const reply = Buffer.concat([Buffer.from('0b00000900004200', 'hex'), encode({ r: 'hello' })]);
  t.deepEqual(exchange('\x06\tABMKAAAJAABCAKFhZGVoZWxsb0YZ\n'), frame(reply));
});

test('version_1_is_answered_as_version_1', (t) => {
  t.deepEqual(ask({ version: 0 }, { d: 'hello' }), { ...hello, version: 0 });
});

test('a_message_in_lines_of_any_length_is_put_together', (t) => {
  const body = message({}, { d: 'x'.repeat(900) });
  for (const perLine of [2, 3, 6, 93, 96, 300, 381]) {
    const output = exchange(...lines(body, { perLine }));
    t.deepEqual(replies(output)[0]?.payload, { r: 'x'.repeat(900) }, `${perLine} bytes a line`);
  }
});

test('a_reply_is_sent_in_lines_as_long_as_the_documents_allow', (t) => {
  for (const size of [93, 2 * 93, 200]) {
    const text = 'x'.repeat(size - 4 - 8 - 5); // length and CRC, header, map and heads: whole lines, and not
    const reply = message({ op: 3 }, { r: text });
    t.is(reply.length, size - 4);
    t.deepEqual(exchange(frame(message({}, { d: text }))), frame(reply), `${size} bytes`);
  }
});

test('what_is_too_long_is_answered_only_where_it_is_a_request_that_says_so_itself', (t) => {
  const found = (header: Header) =>
    replies(exchange(frame(message(header, { d: 'x'.repeat(SMP_BUFFER_BYTES) })), frame(echo))).length;
  t.is(found({}), 2);
  t.is(found({ op: 3 }), 1);
  t.is(found({ version: 2 }), 1);
  t.is(found({ length: 100 }), 1);
  const [short] = lines(Buffer.of(2), { size: SMP_BUFFER_BYTES + 9 });
  t.is(replies(exchange(short!, frame(echo))).length, 1);
});

test('the_largest_message_is_taken_and_one_byte_more_is_refused_by_name', (t) => {
  const text = (size: number) => ({ d: 'x'.repeat(size - 8 - 6) }); // header, map, "d", head of the text
  const largest = message({}, text(SMP_BUFFER_BYTES));
  t.is(largest.length, SMP_BUFFER_BYTES);
  t.deepEqual(replies(exchange(frame(largest)))[0]?.payload, { r: text(SMP_BUFFER_BYTES).d });
  const larger = message({}, text(SMP_BUFFER_BYTES + 1));
  const found = replies(exchange(frame(larger), frame(echo)));
  t.deepEqual(found, [{ ...hello, payload: { rc: rc('too_long') } }, hello]);
});

test('a_reply_that_does_not_fit_is_refused_by_name', (t) => {
  const read = (map: string) =>
    ask({ op: 0, group: SMP_GROUP_VELOCITY, id: 11 }, { map, key: new Uint8Array(0) })?.payload;
  t.is((read('fits') as { value: Uint8Array }).value.length, SMP_BUFFER_BYTES - 8 - 10);
  t.deepEqual(read('more'), { err: { group: SMP_GROUP_VELOCITY, rc: rc('too_long') } });
});

test('a_frame_cut_at_any_byte_costs_that_frame_only', (t) => {
  const cut = frame(message({}, { d: 'y'.repeat(120) }));
  for (let size = 0; size < cut.length; size++) {
    t.deepEqual(replies(exchange(cut.subarray(0, size), frame(echo))), [hello], `cut after ${size} bytes`);
  }
});

test('a_frame_with_any_bit_flipped_is_never_acted_on', (t) => {
  const good = frame(message({ seq: 7 }, { d: 'abc' }));
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    t.deepEqual(replies(exchange(bad, '\n', frame(echo))), [hello], `bit ${bit}`);
  }
});

test('text_and_noise_before_a_marker_do_not_hide_it', (t) => {
  for (const noise of ['hal', '\x00\xff\x80', 'x'.repeat(5000), '\x06', '\x04\x14', '\r\n', '\x06\x06']) {
    t.deepEqual(replies(exchange(Buffer.from(noise, 'latin1'), frame(echo))), [hello], JSON.stringify(noise));
  }
});

test('continuations_without_a_beginning_are_dropped', (t) => {
  const [, second, third] = lines(message({}, { d: 'z'.repeat(200) }));
  t.deepEqual(replies(exchange(second!, third!, frame(echo))), [hello]);
});

test('a_message_longer_than_it_says_is_dropped', (t) => {
  const long = Buffer.concat(lines(echo, { size: echo.length - 3 }));
  t.deepEqual(replies(exchange(long, frame(echo))), [hello]);
});

test('errors_of_smp_itself_are_told_as_rc', (t) => {
  const cases: readonly (readonly [string, Header, unknown, string])[] = [
    ['unknown group', { group: 9 }, {}, 'not_supported'],
    ['unknown command', { id: 99 }, {}, 'not_supported'],
    ['wrong operation', { op: 2, id: 6 }, {}, 'not_supported'],
    ['no argument', {}, {}, 'invalid_argument'],
    ['argument of another type', {}, { d: 5 }, 'invalid_argument'],
    ['payload that is no CBOR', {}, Buffer.of(0xff, 0xff), 'invalid_argument'],
    ['no payload', {}, Buffer.alloc(0), 'invalid_argument'],
    ['another argument', {}, { x: 'hello' }, 'invalid_argument'],
    [
      'the same argument twice',
      {},
      Buffer.from('a261646161616461 62'.replace(' ', ''), 'hex'),
      'invalid_argument',
    ],
    [
      'an argument without a name',
      {},
      new Map<unknown, unknown>([
        ['d', 'a'],
        [1, 2],
      ]),
      'invalid_argument',
    ],
    [
      'an argument cut short',
      {},
      Buffer.from('a2616461616178626162'.slice(0, -2), 'hex'),
      'invalid_argument',
    ],
    ['memory pools, written', { id: 3 }, {}, 'not_supported'],
    ['counters, written', { group: 2 }, { name: 'link' }, 'not_supported'],
    ['counters without a name', { op: 0, group: 2 }, {}, 'invalid_argument'],
    ['unknown command of counters', { op: 0, group: 2, id: 2 }, { name: 'link' }, 'not_supported'],
    ['length above what is there', { length: 100 }, { d: 'x' }, 'corrupt'],
    ['length below what is there', { length: 1 }, { d: 'x' }, 'corrupt'],
    ['unknown counters', { op: 0, group: 2 }, { name: 'nope' }, 'no_entry'],
  ];
  for (const [what, header, payload, name] of cases)
    t.deepEqual(ask(header, payload)?.payload, { rc: rc(name) }, what);
});

test('arguments_are_found_by_name_whatever_else_is_there', (t) => {
  t.deepEqual(ask({}, { x: [{ d: 1 }], d: 'hello', y: 'd' })?.payload, hello.payload);
});

test('a_group_is_told_by_both_bytes_of_its_number', (t) => {
  const { group, payload } = ask({ group: 0x100 + SMP_GROUP_VELOCITY, op: 0 })!;
  t.deepEqual(
    { group, payload },
    { group: 0x100 + SMP_GROUP_VELOCITY, payload: { rc: rc('not_supported') } },
  );
});

test('what_is_shorter_than_a_header_is_no_message', (t) => {
  for (let size = 1; size < 8; size++)
    t.deepEqual(replies(exchange(frame(echo), frame(echo.subarray(0, size)), frame(echo))), [hello, hello]);
});

test('a_version_from_the_future_is_answered_with_the_newest_known', (t) => {
  const reply = ask({ version: 2 }, { d: 'x' });
  t.deepEqual(reply?.payload, { rc: rc('protocol_too_new') });
  t.is(reply?.version, 1);
});

test('replies_are_never_answered_so_an_echoing_line_cannot_loop', (t) => {
  t.deepEqual(replies(exchange(frame(message({ op: 1 })), frame(message({ op: 3 })), frame(echo))), [hello]);
  const typed = exchange('help\n', 'nonsense\n');
  t.is(exchange(exchange(typed)).length, 0, 'its own text, echoed back twice, falls silent');
});

test('a_refusal_of_group_64_carries_group_status_instruction_and_sentence', (t) => {
  const install = { group: SMP_GROUP_VELOCITY, id: 2 };
  t.deepEqual(ask(install, { canary: true })?.payload, {
    err: { group: SMP_GROUP_VELOCITY, rc: rc('null_dereference') },
    insn: 7,
    msg: 'r3 may be null',
  });
  t.deepEqual(ask({ ...install, version: 0 }, { canary: true })?.payload, { rc: rc('null_dereference') });
});

test('what_a_refusal_quotes_commands_no_terminal', (t) => {
  const rollback = { group: SMP_GROUP_VELOCITY, id: messages.rollback.id };
  t.deepEqual(ask(rollback, { name: 'a\x1b[2J\x7f~ é\n' })?.payload, {
    err: { group: SMP_GROUP_VELOCITY, rc: rc('no_entry') },
    msg: "no 'a?[2J?~ ???'",
  });
});

test('groups_with_statuses_of_their_own_name_themselves', (t) => {
  for (const group of [SMP_GROUP_IMAGE, SMP_GROUP_VELOCITY, SMP_GROUP_SIGNED])
    t.deepEqual(ask({ group, id: 250 })?.payload, { err: { group, rc: rc('not_supported') } });
});

test('a_closed_door_opens_to_what_is_signed_and_to_nothing_after_it', (t) => {
  const inject = frame(
    message({ group: SMP_GROUP_VELOCITY, id: messages.inject.id }, { data: Buffer.alloc(1) }),
  );
  const signed = (group: number, more: Header = {}) =>
    frame(message({ group: SMP_GROUP_SIGNED, id: 0, ...more }, { m: Buffer.of(group) }));
  const statuses = (...input: Uint8Array[]) =>
    replies(exchange(...input)).map(({ payload }) => (payload as { err?: { rc: number } }).err?.rc);
  const passed = rc('no_entry');
  const [shut, unknown, wrong] = ['not_signed', 'not_supported', 'invalid_argument'].map(rc);
  t.deepEqual(statuses(inject, signed(SMP_GROUP_VELOCITY), inject), [shut, passed, shut]);
  t.deepEqual(statuses(signed(SMP_GROUP_SIGNED), signed(9), inject), [unknown, unknown, shut]);
  t.deepEqual(statuses(signed(SMP_GROUP_VELOCITY, { op: 0 }), signed(SMP_GROUP_VELOCITY, { id: 1 })), [
    unknown,
    unknown,
  ]);
  t.deepEqual(statuses(frame(message({ group: SMP_GROUP_SIGNED }, { m: 'text' }))), [wrong]);
});

test('group_64_distinguishes_read_from_write_and_knows_its_last_command', (t) => {
  const status = (op: number, id: number, payload: unknown = {}) =>
    ask({ op, group: SMP_GROUP_VELOCITY, id }, payload)?.payload;
  t.like(status(0, 0), { version: '9.9.9', board: 'paper', cores: 2 });
  const unsupported = { err: { group: SMP_GROUP_VELOCITY, rc: rc('not_supported') } };
  t.deepEqual(status(2, 0), unsupported);
  t.deepEqual(status(0, 200), unsupported);
  t.deepEqual(status(0, 1 + Math.max(...Object.values(messages).map(({ id }) => id))), unsupported);
  t.deepEqual(status(0, 18), { err: { group: SMP_GROUP_VELOCITY, rc: rc('no_entry') } });
  t.deepEqual(status(2, 5, { name: 'm' }), {}, 'success without anything to say is an empty map');
});

test('a_write_sent_again_is_done_once_and_answered_twice', (t) => {
  const stage = (seq: number) =>
    frame(
      message(
        { group: SMP_GROUP_VELOCITY, id: 1, seq },
        { off: 0, len: 3, sha: new Uint8Array(32), data: Buffer.from('abc') },
      ),
    );
  const offsets = (...input: Uint8Array[]) =>
    replies(exchange(...input)).map((r) => (r.payload as { off: number }).off);
  t.deepEqual(offsets(stage(1), stage(1)), [3, 3]);
  t.deepEqual(offsets(stage(1), stage(2)), [3, 100_003], 'another sequence number is another request');
  const garbled = Buffer.from(stage(1));
  garbled.writeUInt8(garbled.readUInt8(40) === 0x42 ? 0x43 : 0x42, 40);
  t.deepEqual(offsets(stage(1), garbled, stage(1)), [3, 3], 'damage in between does not make it forget');
});

test('a_write_sent_again_is_done_once_also_when_another_host_asked_in_between', (t) => {
  const stage = message(
    { group: SMP_GROUP_VELOCITY, id: 1, seq: 7, flags: 1 },
    { off: 0, len: 3, sha: new Uint8Array(32), data: Buffer.from('abc') },
  );
  const asked = (times: number) =>
    Array.from({ length: times }, () => frame(message({ op: 0, group: 2, id: 1, flags: 2 })));
  const staged = (...input: Uint8Array[]) =>
    replies(exchange(...input)).flatMap(({ payload }) => (payload as { off?: number }).off ?? []);
  t.deepEqual(staged(frame(stage), ...asked(127), frame(stage)), [3, 3]);
  t.deepEqual(
    staged(frame(stage), ...asked(128), frame(stage)),
    [3, 100_003],
    'a number that came round is new',
  );
  const next = Buffer.from(stage);
  next.writeUInt8(8, 6);
  t.deepEqual(
    staged(frame(stage), ...asked(100), frame(next), ...asked(100), frame(next)),
    [3, 100_003, 100_003],
    'each write is remembered as long',
  );
  const ofAnother = Buffer.from(stage);
  ofAnother.writeUInt8(2, 1);
  t.deepEqual(staged(frame(stage), frame(ofAnother)), [3, 100_003], 'of another host');
});

test('a_reply_has_the_flags_of_its_request', (t) => {
  const flagsOf = (output: Buffer) => replies(output).map(({ flags }) => flags);
  const ask = [0, 1, 255].map((flags) => frame(message({ flags }, { d: 'x' })));
  t.deepEqual(flagsOf(exchange(...ask)), [0, 1, 255]);
  t.deepEqual(flagsOf(exchange(frame(message({ flags: 9, group: 9 })))), [9], 'in a refusal, too');
});

test('parameters_tasks_and_statistics_have_the_shape_of_the_documents', (t) => {
  t.deepEqual(ask({ op: 0, id: 6 })?.payload, { buf_size: SMP_BUFFER_BYTES, buf_count: 1 });
  const task = { prio: 0, tid: 1, state: 1, stkuse: 100, stksiz: 4096, cswcnt: 101, runtime: 1001 };
  t.like(ask({ op: 0, id: 2 })?.payload, { tasks: { core1: task } });
  t.deepEqual(ask({ op: 0, id: 3 })?.payload, {
    pool: { blksiz: 16, nblks: 524_288, nfree: 524_288 - 100, min: 524_288 - 200 }, // 8 MiB
    code: { blksiz: 256, nblks: 4096, nfree: 4094, min: 4092 }, // 1 MiB
  });
  t.deepEqual(ask({ op: 0, group: 2, id: 1 })?.payload, { stat_list: ['velocity', 'link'] });
  t.deepEqual(ask({ op: 0, group: 2 }, { name: 'velocity' })?.payload, {
    name: 'velocity',
    fields: { installs: 0x1_0000_0000, refusals: 0x1_0000_0001 },
  });
});

test('the_link_counts_what_went_wrong_on_it', (t) => {
  const stats = frame(message({ op: 0, group: 2 }, { name: 'link' }));
  const [first, second] = lines(message({}, { d: 'q'.repeat(100) }));
  const output = exchange(
    first!,
    first!.subarray(0, 20),
    second!,
    '\x06\x09????\n',
    '\x01\x02\n',
    'help\n',
    stats,
  );
  t.like(replies(output)[0]?.payload, {
    name: 'link',
    fields: { messages: 1, cut: 1, lines: 2, lines_lost: 1, lines_bad: 1, noise: 1, commands: 1, crc_bad: 0 },
  });
});

/** What the link counted of this input, before it is asked. */
const counted = (...input: readonly (Uint8Array | string)[]) => {
  const output = exchange(...input, frame(message({ op: 0, group: 2 }, { name: 'link' })));
  return (replies(output).at(-1)!.payload as { fields: Record<string, number> }).fields;
};

test('each_kind_of_damage_has_its_own_counter', (t) => {
  const [first, second] = lines(message({}, { d: 'q'.repeat(100) }));
  const marked = (text: string) => `\x06\x09${text}\n`;
  const largest = lines(message({}, { d: 'x'.repeat(SMP_BUFFER_BYTES - 8 - 6) }));
  const cases: Readonly<
    Record<string, readonly [readonly (Uint8Array | string)[], Readonly<Record<string, number>>]>
  > = {
    'a message after a whole one': [[frame(echo), frame(echo)], { cut: 0, messages: 3, lines: 3 }],
    'a message after the beginning of another': [[first!, frame(echo)], { cut: 1, lines: 3 }],
    'a marker without data': [[marked('')], { lines_bad: 1, noise: 0 }],
    'a line without data within a message': [
      [first!, '\x04\x14\n', second!],
      { lines_bad: 1, lines_lost: 1 },
    ],
    'a line that ends in what is no base64': [
      [first!, '\x04\x14AAAA????\n', second!],
      { lines_bad: 1, lines_lost: 1 },
    ],
    'a line after a whole message': [[frame(echo), second!], { lines_lost: 1 }],
    'a first line of one byte': [[frame(echo), marked('AA=='), marked('UA==')], { crc_bad: 2, oversize: 0 }],
    'messages without a body': [
      [marked('AAA='), marked('AAEA'), marked('AAIAAA==')],
      { crc_bad: 3, oversize: 0, messages: 1 },
    ],
    'more than there is room for': [
      [...largest.slice(0, -1), `\x04\x14${'AAAA'.repeat(100)}\n`],
      { lines_bad: 1, crc_bad: 0 },
    ],
    'one that is announced as too long': [
      lines(Buffer.alloc(90), { size: 5000 }),
      { oversize: 1, errors: 0, replies: 0 },
    ],
    'a frame in a line that is too long': [
      lines(message({}, { d: 'x'.repeat(600) }), { perLine: 600 }),
      { noise: 1, lines: 1 },
    ],
    'text after a line that is too long': [['x'.repeat(5000), '\nhelp\n'], { noise: 1, commands: 1 }],
    'text with control characters': [['\x01help\n', 'he\x01lp\n', 'help\x80\n'], { noise: 3, commands: 0 }],
    'empty lines': [['\r\n\r\n', '  \n'], { noise: 0, commands: 0 }],
    'what is no command': [['nonsense\n', 'fault\n', `${'x'.repeat(40)}\n`], { noise: 0, commands: 0 }],
    'what modules take or answer': [['take\n', 'say it\n'], { noise: 0, commands: 2 }],
    'the same write twice': [[frame(echo), frame(echo)], { repeats: 1 }],
    'what is answered with a status': [[frame(message({ group: 9 })), frame(message({}, {}))], { errors: 2 }],
    'what is too long': [
      [frame(message({}, { d: 'x'.repeat(SMP_BUFFER_BYTES) }))],
      { errors: 1, oversize: 1, replies: 1 },
    ],
  };
  for (const [what, [input, expected]] of Object.entries(cases)) t.like(counted(...input), expected, what);
});

test('the_link_counts_the_bytes_and_the_time_of_its_replies', (t) => {
  const reply = exchange(frame(message({}, { d: 'q'.repeat(200) })));
  const fields = counted(frame(message({}, { d: 'q'.repeat(200) })));
  t.like(fields, { replies: 1, sent_bytes: reply.length, sent_ns: 1000 });
});

test('a_reset_is_answered_before_it_happens', (t) => {
  const output = exchange(frame(message({ id: 5 })), frame(echo));
  t.deepEqual(replies(output), [{ ...hello, id: 5, payload: {} }], 'nothing is answered after it');
  t.true(output.toString('latin1').endsWith('\nreset\n'));
});

test('modules_answer_what_is_no_command', (t) => {
  const typed = (text: string) => exchange(text).toString();
  t.is(typed('  say it \n'), 'say it\n', 'without the blanks around it');
  t.is(typed('take\n'), '');
  t.is(typed('fault\n'), 'unknown command "fault"; type help for a list\n');
  t.is(typed('clear\n'), '?[2J???\n', 'no module speaks to the terminal, or in frames of the link');
  t.is(typed('fill\nsay it\nfill\n'), `${'x'.repeat(128)}\nsay it\n${'x'.repeat(128)}\n`);
  t.is(typed(`${'y'.repeat(127)}\n`), `${'y'.repeat(127)}\n`);
  t.is(typed(`${'y'.repeat(128)}\n`), '', 'there is no room for it');
  t.regex(typed('help\n'), /info: what this board is/, 'the own commands come first');
});

test('people_get_help_and_a_hint', (t) => {
  const typed = (text: string) => exchange(text).toString();
  t.regex(typed('help\r'), /info: what this board is/);
  t.regex(typed(' info \r\n'), /velocity 9\.9\.9/);
  t.is(
    typed(' info\n'),
    'velocity 9.9.9, build b\npaper, class aarch64, 2 cores\nimage 3 bytes, ready after 4 cycles\nhighest patch sequence number accepted: 5\noutput 0: relay\n',
  );
  t.regex(typed('help\n'), /All else is done from a host: see `velocity --help` there\.\n$/);
  t.is(typed('modules\n'), 'no modules; load one with `velocity module load`\n');
  const pieces = [1, 2].map((seq) =>
    frame(
      message(
        { group: SMP_GROUP_VELOCITY, id: messages.stage.id, seq },
        { off: 0, len: 3, sha: new Uint8Array(32), data: Buffer.from('abc') },
      ),
    ),
  );
  const listed = exchange(...pieces, 'modules\n')
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('fir'));
  t.deepEqual(
    listed,
    [0, 1].map(
      (i) => `fir on timer, version ${i}, active, at most 4294967296 instructions, 256 bytes of code`,
    ),
  );
  t.regex(typed('helb\bp\n'), /this list/, 'backspace works');
  t.regex(typed('x\x7fhelp\n'), /this list/, 'so does delete, at the first character, too');
  for (const unknown of ['x', '~', 'x'.repeat(32)])
    t.is(typed(`${unknown}\n`), `unknown command "${unknown}"; type help for a list\n`);
  t.is(typed(`${'x'.repeat(33)}\n`), '');
  t.is(typed('  \n'), '');
  t.is(typed('frobnicate\n'), 'unknown command "frobnicate"; type help for a list\n');
  t.is(typed(`${'x'.repeat(60)}\n`), '', 'what is too long to be a command is not answered');
  t.is(typed('\r\n\r\n'), '');
});
