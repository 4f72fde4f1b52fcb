import { existsSync } from 'node:fs';
import test from 'ava';
import { kernelPackage, NoPeerError } from '../../../cli/debian-package.ts';
import { compileModule } from '../../../ebpf/index.ts';
import { sourceOf } from './board.ts';
import { cpio } from './cpio.ts';
import { hotLoop, wordsIn } from './cycles.ts';
import { objectMetrics, objectsIn } from './objects.ts';
import { page, rowTable } from './page.ts';
import { empty, MEMORY_BYTES, memoryOf, programs } from './programs.ts';
import { programFile, readConsole, wordsOf } from './record.ts';
import { geometricMean, peerMetrics, type Row, rowOf } from './row.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

test('a_cpio_archive_holds_folder_device_and_file_in_order', (t) => {
  const archive = cpio([
    { path: 'dev', folder: true },
    { path: 'dev/console', device: [5, 1] },
    { path: 'init', data: Buffer.from('hello'), executable: true },
  ]);
  t.is(archive.length % 4, 0);
  t.is(text(archive.subarray(0, 14)), '07070100000001');
  t.is(text(archive.subarray(14, 22)), '000041ed'); // 040755
  const names = [...text(archive).matchAll(/070701[0-9a-f]{104}([^\0]+)/g)].map((match) => match[1]);
  t.deepEqual(names, ['dev', 'dev/console', 'init', 'TRAILER!!!']);
  const file = text(archive).indexOf('init\0') - 110;
  t.is(file % 4, 0);
  t.is(text(archive.subarray(file + 54, file + 62)), '00000005'); // size
  t.is(text(archive.subarray(file + 116, file + 124)), 'hello\0\0\0'); // 110 + "init\0", padded to 116
  const device = text(archive).indexOf('dev/console\0') - 110;
  t.is(text(archive.subarray(device + 78, device + 94)), '0000000500000001');
});

test('a_record_holds_name_counts_code_and_memory', (t) => {
  const code = new Uint8Array(16).fill(1);
  const memory = new Uint8Array(8).fill(2);
  const file = programFile([{ program: empty, code, memory, repeat: 7 }]);
  t.is(text(file.subarray(0, 6)), 'empty\0');
  t.deepEqual(
    [24, 28, 32].map((at) => Buffer.from(file).readUInt32LE(at)),
    [2, 7, 8],
  );
  t.is(file.length, 40 + 16 + 8);
});

const computed = (who: string) => `${who}_result=5 ${who}_memory=0102 ${who}_ns=30`;
const line = `peer a ${computed('native')} ${computed('plain')} load_ns=9 ${computed('linux')} jit=c0035fd6 end`;

test('the_console_is_read_by_program', (t) => {
  const a = readConsole(`boot\r\npeers begin\r\n${line}\r\npeers end\r\n`).get('a');
  t.is(a?.load, 9);
  t.deepEqual(a?.linux, { result: 5, memory: Buffer.from([1, 2]), executed: 30 });
  t.is(wordsOf(a!.jit), 1);
});

test('a_console_that_stops_early_or_lacks_a_figure_is_an_error', (t) => {
  t.throws(() => readConsole(`${line}\n`), { message: /did not get to the end/ });
  t.throws(() => readConsole('peer a native_result=5 end\npeers end\n'), {
    message: /no number for native_ns/,
  });
});

test('a_program_that_linux_refuses_is_read_with_the_reason', (t) => {
  const refused = `peer a ${computed('native')} ${computed('plain')} load_ns=9 linux_errno=7 end\npeers end\n`;
  const a = readConsole(refused).get('a');
  t.is(a?.errno, 7);
  t.is(a?.linux, undefined);
});

test('words_of_code_in_shared_memory_are_its_own', (t) => {
  const shared = Buffer.from('00000000c0035fd6ff', 'hex').subarray(4);
  t.deepEqual(wordsIn(shared), Uint32Array.of(0xd65f03c0));
});

test('words_end_with_the_last_return', (t) => {
  const words = new Uint32Array([0xd65f03c0, 0xd503201f, 0xd65f03c0, 0xd503201f, 0]);
  t.is(wordsOf(new Uint8Array(words.buffer)), 3);
  t.is(wordsOf(new Uint8Array(8)), 0);
});

test('the_package_is_the_one_that_linux_image_arm64_stands_for', (t) => {
  const record =
    'Package: linux-image-arm64\nVersion: 6.1.9-1\nDepends: linux-image-6.1.0-9-arm64 (= 6.1.9-1)\n';
  t.deepEqual(kernelPackage(record), { name: 'linux-image-6.1.0-9-arm64', version: '6.1.9-1' });
  t.throws(() => kernelPackage(''), { instanceOf: NoPeerError, message: /no kernel/ });
});

test('each_program_has_a_source_and_the_same_memory_every_time', (t) => {
  t.is(programs.length, 16);
  for (const program of [empty, ...programs]) {
    t.true(existsSync(sourceOf(program)), program.name);
    t.is(memoryOf(program).length, MEMORY_BYTES);
    t.deepEqual(memoryOf(program), memoryOf(program));
  }
});

test('the_geometric_mean_of_ratios', (t) => {
  t.is(geometricMean([0.5, 2]), 1);
  t.throws(() => geometricMean([]), { instanceOf: RangeError });
  t.throws(() => geometricMean([1, 0]), { instanceOf: RangeError });
});

const memory = new Uint8Array(2);
const measured = (executed: number, result = 5) => ({ executed, result, memory });
const measurement = (velocity: number, result = 5) => ({
  program: programs[0]!,
  code: new Uint8Array(80),
  board: { ...measured(velocity, result), words: 9, verify: 1000, compile: 500, bound: 100 },
  peer: {
    name: 'x',
    native: measured(60),
    plain: measured(70),
    linux: measured(110),
    load: 9,
    jit: new Uint8Array(),
  },
  host: { result: 5, memory },
});
const nothing = { board: measurement(10).board, peer: measurement(10).peer };
const rowFrom = (velocity: number, result?: number): Row =>
  rowOf(measurement(velocity, result), {
    ...nothing,
    peer: { ...nothing.peer, linux: measured(10), native: measured(10), plain: measured(20) },
  });

test('a_row_is_net_of_the_empty_program', (t) => {
  const row = rowFrom(60);
  t.deepEqual([row.velocity, row.linux, row.native, row.plain], [50, 100, 50, 50]);
  t.deepEqual(row.wrong, []);
});

test('a_row_whose_results_differ_is_wrong_and_counts_in_no_figure', (t) => {
  const wrong = rowFrom(1000, 6);
  t.deepEqual(wrong.wrong, ['velocity']);
  const metrics = peerMetrics([rowFrom(60), wrong]);
  t.is(metrics[0]?.value, 1);
  t.false(metrics[0]?.met);
  t.is(metrics.find((m) => m.metric === 'peers_executed_of_linux')?.value, 0.5);
  t.regex(rowTable([rowFrom(60), wrong]), /WRONG: velocity$/m);
  t.deepEqual(
    peerMetrics([wrong]).map((m) => m.metric),
    ['peers_wrong_results'],
  );
});

test('a_row_that_linux_refused_is_wrong', (t) => {
  const { linux: _, ...peer } = measurement(60).peer;
  const row = rowOf({ ...measurement(60), peer: { ...peer, errno: 7 } }, nothing);
  t.deepEqual(row.wrong, ['linux (refused it with errno 7)']);
  t.regex(rowTable([row]), /WRONG: linux \(refused it with errno 7\)/);
});

const objectFrom = (insns: number) => ({ object: `o${insns}`, programs: 2, refused: 0, insns, words: 210 });

test('small_objects_count_in_no_figure', (t) => {
  const [all, worst] = objectMetrics([objectFrom(199), objectFrom(200), objectFrom(300)]);
  t.is(all?.value, 0.84);
  t.is(worst?.value, 1.05);
  t.deepEqual(objectMetrics([objectFrom(199)]), []);
});

test('objects_are_found_within_executables', async (t) => {
  const object = Buffer.from(await compileModule(sourceOf(empty)));
  const file = Buffer.concat([Buffer.alloc(100), object, Buffer.alloc(7), object, object.subarray(0, 80)]);
  t.deepEqual(objectsIn(file), [object, object]);
});

test('the_page_has_a_line_and_bars_for_each_row', (t) => {
  const linux = { image: 'i', package: 'linux-image-1', version: '1' };
  const compared = {
    rows: [rowFrom(60)],
    objectRows: [objectFrom(200)],
    cycles: [{ program: 'fibonacci', here: { insns: 6, cycles: [3, 2.25, 2] } }],
    improved: [{ program: 'fibonacci', how: 'unrolling', executed: 20, loaded: 25 }],
  };
  const written = page(compared, { linux, clang: 'clang 19', qemu: 10 });
  t.regex(written, /^\| fibonacci \| 10 \| 50 \| 100 \|/m);
  t.regex(written, /^fibonacci +velocity █{20} 50$/m);
  t.regex(written, /linux-image-1/);
  t.regex(written, /^\| fibonacci \| 100 \| 50 \| 25 \| 20 \| 50 \| 0.40 \| unrolling \|$/m);
  t.regex(written, /peers_improved_of_native +0\.4 /);
  t.regex(written, /peers_loaded_of_native +0\.5 /);
  t.regex(written, /^\| fibonacci \| 6 \| 3.0 \| 2.3 \| 2.0 \| {2}\| {2}\| {2}\| {2}\|$/m);
});

/* DDI 0487 C6.2: NOP, B.NE and B by words, RET. */
const NOP = 0xd503201f;
const RET = 0xd65f03c0;
const backIf = (words: number) => (0x54000001 | ((-words & 0x7ffff) << 5)) >>> 0;
const back = (words: number) => (0x14000000 | (-words & 0x3ffffff)) >>> 0;

test('the_hot_loop_is_the_longest_without_another_in_it', (t) => {
  t.is(hotLoop(new Uint32Array([NOP, RET])), undefined);
  const short = [NOP, backIf(1)];
  const two = [NOP, backIf(1), NOP, back(3)];
  t.deepEqual(hotLoop(new Uint32Array([...short, ...two, RET])), { start: 2, end: 6 });
  const nested = [NOP, NOP, backIf(1), NOP, back(4)];
  t.deepEqual(hotLoop(new Uint32Array([...nested, RET])), { start: 1, end: 3 });
});
