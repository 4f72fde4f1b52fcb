import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { statusNamed } from '../abi/index.ts';
import { buildKernel, paths, readSymbols } from '../firmware/index.ts';
import { boardInfo, type Handlers, Refusal } from '../link/test/fake-board.ts';
import { bytesOf, textOf } from './map-bytes.ts';
import { boardOnSocket, jsonLines, temporaryFolder, velocity } from './test/command-line.ts';

const ask = async (handlers: Handlers, ...argv: string[]) => {
  const { port } = await boardOnSocket({ info: () => boardInfo, ...handlers });
  return velocity('--port', port, ...argv);
};

const end = (): never => {
  throw new Refusal('no_entry', {});
};

/** x30, where the function called last, and the return address of a caller. */
const frames = (elr: bigint) => {
  const bytes = Buffer.alloc(128);
  bytes.writeBigUInt64LE(elr + 4n);
  bytes.writeBigUInt64LE(elr + 12n, 8);
  return bytes;
};

const crash = (build: string, elr: bigint) => ({
  reason: 'data abort',
  build,
  core: 2,
  esr: 0x9600_0045n,
  far: 0x10n,
  elr,
  spsr: 0x6000_0005n,
  regs: Buffer.alloc(248, 0x11),
  frames: frames(elr),
  module: 'fir',
  module_version: 3,
  log: '1.250 rolled_back fir 3 276 version 2 runs again\n',
});

/** The first offset of the image that has a function's name. */
const named = (symbols: ReturnType<typeof readSymbols>) => {
  for (let offset = 0n; offset < 0x40000n; offset += 4n) {
    const found = symbols.at(offset);
    if (found?.name === 'kernel_main') return offset;
  }
  throw new Error('kernel_main has no address');
};

test('a_crash_is_shown_with_the_function_it_happened_in', async (t) => {
  t.timeout(600_000); // it may build the kernel first
  await buildKernel();
  const elf = join(temporaryFolder(), 'kernel.elf'); // others may build meanwhile
  copyFileSync(paths.elf, elf);
  const symbols = readSymbols(elf);
  const record = crash(symbols.buildId, named(symbols) + 8n);
  const people = await ask({ crash: () => record }, 'crash', 'show', '--elf', elf);
  t.is(people.exit, 0, people.stderr);
  t.regex(people.stdout, /data abort on core 2/);
  t.regex(people.stdout, / at .* in kernel_main\+0x8 {2}.*main\.c:\d+/);
  t.deepEqual(people.stdout.match(/from .* in kernel_main\+0x\w+/g)?.length, 1, 'not from itself');
  t.regex(people.stdout, / from .* in kernel_main\+0x10/);
  t.regex(people.stdout, /module that ran last: fir version 3\n {2}before: 1\.250 rolled_back fir/);
  const [programs] = jsonLines(await ask({ crash: () => record }, 'crash', 'show', '--elf', elf, '--json'));
  t.is(programs?.function, 'kernel_main+0x8');
  t.is((programs?.registers as string[] | undefined)?.length, 31);
});

test('symbols_of_another_build_name_nothing', async (t) => {
  t.timeout(600_000); // it may build the kernel first
  await buildKernel();
  const { stdout } = await ask({ crash: () => crash('00'.repeat(20), 64n) }, 'crash', 'show');
  t.regex(stdout, /no symbols: .* is build [0-9a-f]{12}, the crash is of 000000000000/);
  t.notRegex(stdout, / in \w/);
});

test('a_board_without_a_crash_says_so_and_a_broken_elf_is_named', async (t) => {
  t.regex((await ask({ crash: end }, 'crash', 'show')).stdout, /no crash record/);
  const noise = join(temporaryFolder(), 'noise.elf');
  writeFileSync(noise, 'no ELF');
  const { stderr, exit } = await ask({ crash: () => crash('ab', 0n) }, 'crash', 'show', '--elf', noise);
  t.not(exit, 0);
  t.regex(stderr, /noise\.elf/);
});

const record = {
  id: 3,
  name: 'fir',
  version: 2,
  reason: statusNamed('canary_slower').code,
  time_ns: 5n,
  sha: new Uint8Array(32),
  calls: 4n,
  cycles: 400n,
  baseline: 60n,
  insn: 0xffff_ffff,
  esr: 0n,
  far: 0n,
  regs: new Uint8Array(0),
};

test('a_line_is_typed_on_the_console_and_the_answer_shown', async (t) => {
  const type = async (...words: string[]) => {
    const { port, typed } = await boardOnSocket({ info: () => boardInfo });
    return { ...(await velocity('--port', port, 'console', ...words)), typed };
  };
  t.like(await type('on', '3'), { exit: 0, stdout: 'you typed on 3\n', typed: ['on 3'] });
  t.deepEqual(jsonLines(await type('--json', 'io')), [{ event: 'console', line: 'you typed io' }]);
  t.like(await type('x'.repeat(127)), { exit: 0, typed: ['x'.repeat(127)] });
  for (const refused of ['x'.repeat(128), 'a\tb', 'caf\u00e9'])
    t.like(await type(refused), { exit: 2, stdout: '', typed: [] });
});

test('evidence_is_listed_with_its_reason_and_released_by_number', async (t) => {
  const evidence: Handlers['evidence'] = ({ i }) => (i === 0 ? record : end());
  const { stdout } = await ask({ evidence }, 'evidence', 'list');
  t.regex(stdout, /3 {2}fir v2 {2}canary_slower: .*\n.*4 calls of 100 cycles, its predecessor's took 60/);
  const released: number[] = [];
  const evidence_ack: Handlers['evidence_ack'] = ({ id }) => {
    released.push(id);
    return {};
  };
  t.is((await ask({ evidence_ack }, 'evidence', 'ack', '3')).exit, 0);
  t.deepEqual(released, [3]);
});

test('events_are_printed_in_their_order_from_the_number_given', async (t) => {
  const event: Handlers['event'] = ({ since }) =>
    since >= 3n
      ? end()
      : {
          seq: since + 1n,
          kind: 'installed',
          name: 'fir',
          version: 1,
          reason: 0,
          time_ns: 0n,
          before: 0n,
          after: 0n,
          text: '',
          lost: 0n,
        };
  t.is((await ask({ event }, 'events')).stdout.trim().split('\n').length, 3);
  const later = jsonLines(await ask({ event }, 'events', '--since', '2', '--json'));
  t.deepEqual(
    later.map(({ seq, kind }) => [seq, kind]),
    [[3, 'installed']],
  );
});

test('what_is_refused_has_no_version_and_tells_why', async (t) => {
  const refusal = {
    seq: 1n,
    time_ns: 1n,
    kind: 'refused',
    name: '',
    version: 0,
    reason: statusNamed('unknown_key').code,
    before: 0n,
    after: 0n,
    text: 'key 00',
    lost: 0n,
  };
  const saying = async (name: string) => {
    const event: Handlers['event'] = ({ since }) => (since < 1n ? { ...refusal, name } : end());
    return (await ask({ event }, 'events')).stdout.trim();
  };
  t.is(await saying(''), '1 * a patch refused: unknown_key: key 00');
  t.is(await saying('fir'), '1 * fir refused: unknown_key: key 00');
});

const flows = { name: 'flows', type: 2, key_size: 4, value_size: 8, max_entries: 2, entries: 2, users: 1 };
const board = (): Handlers & { written: [string, string][] } => {
  const written: [string, string][] = [];
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  return {
    written,
    map_info: ({ i }) => (i === 0 ? flows : end()),
    map_next: ({ key }) => {
      if (key.length > 0 && key[0] === 1) end();
      return { key: Uint8Array.of(key.length === 0 ? 0 : 1, 0, 0, 0) };
    },
    map_read: ({ key }) => ({ value: Uint8Array.of(key[0]! + 5, 1, 0, 0, 0, 0, 0, 0) }),
    map_write: ({ key, value }) => {
      written.push([hex(key), hex(value)]);
      return {};
    },
  } as Handlers & { written: [string, string][] };
};

test('maps_are_listed_dumped_read_and_written', async (t) => {
  const handlers = board();
  t.regex((await ask(handlers, 'map', 'list')).stdout, /^flows +array +key 4, value 8 bytes, 2\/2 entries/);
  t.is((await ask(handlers, 'map', 'dump', 'flows')).stdout, '0  261\n1  262\n');
  t.is((await ask(handlers, 'map', 'get', 'flows', '0x1')).stdout, '1  262\n');
  t.is((await ask(handlers, 'map', 'set', 'flows', '1', 'hex:ff00000000000000')).exit, 0);
  t.deepEqual(handlers.written, [['01000000', 'ff00000000000000']]);
});

const records = Buffer.from(
  '1000000000000000' + '0700000000000000' + 'ffffffffffffffff' + '0300000002000000' + '6162630000000000',
  'hex',
);
const ring = { name: 'edges', type: 27, key_size: 8, value_size: 0, max_entries: 64, entries: 40, users: 1 };
const ringBoard = (): Handlers & { taken: bigint } => {
  const state = { taken: 0n };
  return Object.assign(state, {
    map_info: ({ i }) => (i === 0 ? ring : end()),
    map_next: () => ({ key: new Uint8Array(8) }),
    map_read: ({ key }) => ({ value: records.subarray(key[0]) }),
    map_write: ({ key }) => {
      state.taken = Buffer.from(key).readBigUInt64LE();
      return {};
    },
  } satisfies Handlers);
};

test('records_are_consumed_and_what_was_lost_is_said', async (t) => {
  const handlers = ringBoard();
  t.regex((await ask(handlers, 'map', 'list')).stdout, /^edges +ringbuf +40\/64 bytes wait, held by 1/);
  const { stdout, stderr } = await ask(handlers, 'map', 'consume', 'edges');
  t.is(stdout, '7 18446744073709551615\nhex:616263\n');
  t.regex(stderr, /2 records before this one did not fit and are lost/);
  t.is(handlers.taken, 40n);
  t.like(jsonLines(await ask(handlers, 'map', 'consume', 'edges', '--json'))[1], {
    event: 'record',
    map: 'edges',
    lost: 2,
    data: '616263',
  });
});

test('a_ring_buffer_has_no_entries_and_other_maps_no_records', async (t) => {
  const [ofRing, ofMap] = [ringBoard(), board()];
  for (const rest of [
    ['dump', 'edges'],
    ['get', 'edges', '0'],
    ['set', 'edges', '0', '0'],
  ]) {
    const { exit, stderr } = await ask(ofRing, 'map', ...rest);
    t.is(exit, 2);
    t.regex(stderr, /edges is a ring buffer\n {2}hint: velocity map consume edges/);
  }
  const { exit, stderr } = await ask(ofMap, 'map', 'consume', 'flows');
  t.is(exit, 2);
  t.regex(stderr, /flows is no ring buffer\n {2}hint: velocity map dump flows/);
});

test('keys_and_values_that_do_not_fit_are_refused_before_anything_is_sent', async (t) => {
  const handlers = board();
  for (const [key, value] of [
    ['-1', '1'],
    ['4294967296', '1'],
    ['hex:01', '1'],
    ['1', 'many'],
    ['1', 'hex:1'],
  ] as const) {
    const { exit } = await ask(handlers, 'map', 'set', 'flows', '--', key, value);
    t.is(exit, 2, `${key} ${value}`);
  }
  const { stderr } = await ask(handlers, 'map', 'get', 'absent', '0');
  t.regex(stderr, /no map absent\n {2}hint: it has flows/);
  t.deepEqual(handlers.written, []);
});

test('bytes_of_a_number_are_little_endian_and_read_back', (t) => {
  t.deepEqual([...bytesOf('258', 4, 'key')], [2, 1, 0, 0]);
  t.is(textOf(bytesOf('0xffffffffffffffff', 8, 'value')), '18446744073709551615');
  t.is(textOf(Uint8Array.of(1, 0, 2, 0), 2), '1 2');
  t.is(textOf(new Uint8Array(12)), `hex:${'00'.repeat(12)}`);
});
