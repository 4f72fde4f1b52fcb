/** The base of the kernel on this machine: device trees, text, memory, checksums and the pool. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compileDeviceTree } from '../../../firmware/device-tree.ts';
import { root } from '../../../firmware/paths.ts';
import { buildNative, compileTree } from './build.ts';
import { testChecks } from './checks.ts';

const sources = [
  'test/native/base_host.c',
  'test/native/mem_renamed.c',
  'lib/fdt.c',
  'lib/print.c',
  'lib/crc32.c',
  'mm/pool.c',
];

let host = '';
let pi3 = '';
let checks: string[] = [];

const ask = (...args: string[]) => execFileSync(host, args, { encoding: 'utf8' }).trimEnd().split('\n');

test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative('base_host', sources, t.log);
  pi3 = await compileDeviceTree('rpi3b');
  checks = ask('check');
});

const nodeNamed = (lines: readonly string[], name: string) =>
  lines.find((line) => line.split(' ')[1] === name);

testChecks(
  () => checks,
  [
    'print_formats_like_printf',
    'print_never_writes_past_the_end',
    'memory_functions_do_what_libc_does',
    'crc32_of_the_check_string',
    'pool_blocks_are_zeroed_aligned_and_apart',
    'pool_is_empty_when_everything_is_freed',
    'pool_gives_all_it_has_and_then_refuses',
    'pool_ignores_pointers_it_did_not_give',
    'pool_remembers_the_most_that_was_in_use',
    'pool_refuses_sizes_and_alignments_that_make_no_sense',
  ],
);

test('a_bus_address_goes_through_ranges', (t) => {
  const lines = ask('tree', pi3);
  t.is(nodeNamed(lines, 'serial@7e201000'), '2 serial@7e201000 arm,pl011 3f201000+200 okay');
  t.is(
    nodeNamed(lines, 'interrupt-controller@40000000'),
    '2 interrupt-controller@40000000 brcm,bcm2836-l1-intc 40000000+100 okay',
  );
});

test('an_address_outside_all_ranges_is_no_address', (t) => {
  const tree = compileTree(
    'outside',
    `/ { #address-cells = <2>; #size-cells = <1>;
      bus { #address-cells = <1>; #size-cells = <1>; ranges = <0x1000 0x1 0x0 0x1000>;
        in@1800 { reg = <0x1800 0x10>; }; out@2000 { reg = <0x2000 0x10>; }; };
      shut { #address-cells = <1>; #size-cells = <1>; in@0 { reg = <0 1>; }; }; };`,
  );
  const lines = ask('tree', tree);
  t.is(nodeNamed(lines, 'in@1800'), '2 in@1800 - 100000800+10 okay');
  t.is(nodeNamed(lines, 'out@2000'), '2 out@2000 - - okay');
  t.is(nodeNamed(lines, 'in@0'), '2 in@0 - - okay');
});

test('what_lies_below_a_disabled_node_is_disabled', (t) => {
  const tree = compileTree(
    'disabled',
    '/ { a { status = "disabled"; b { }; }; c { status = "okay"; }; d { status = "ok"; }; };',
  );
  const lines = ask('tree', tree);
  t.deepEqual(lines, [
    '0 / - - okay',
    '1 a - - disabled',
    '2 b - - disabled',
    '1 c - - okay',
    '1 d - - okay',
  ]);
});

test('a_list_of_strings_that_does_not_end_is_none', (t) => {
  const tree = compileTree('endless', '/ { a { compatible = [61 62]; }; b { compatible = "b", "c"; }; };');
  t.deepEqual(ask('tree', tree), ['0 / - - okay', '1 a - - okay', '1 b b - okay']);
});

test('nodes_deeper_than_the_limit_are_skipped_and_the_rest_is_seen', (t) => {
  const deep = `${'n { '.repeat(20)}${'}; '.repeat(20)}`;
  const lines = ask('tree', compileTree('deep', `/ { ${deep} after { }; };`));
  t.is(lines.length, 1 + 7 + 1);
  t.is(lines.at(-1), '1 after - - okay');
});

test('paths_and_aliases_find_their_node', (t) => {
  t.deepEqual(ask('find', pi3, 'serial0:115200n8'), ['serial@7e201000']);
  t.deepEqual(ask('find', pi3, 'serial1'), ['serial@7e215040']);
  t.deepEqual(ask('find', pi3, '/soc/watchdog'), ['watchdog@7e100000']);
  t.deepEqual(ask('find', pi3, '/soc/watchdog@7e100000:x'), ['watchdog@7e100000']);
  for (const path of ['', '/soc/none', '/none/watchdog', 'serial9', '/soc/watchdog/more']) {
    t.deepEqual(ask('find', pi3, path), ['not found'], path);
  }
});

test('a_header_that_lies_is_refused', (t) => {
  const blob = readFileSync(pi3);
  const sizes = {
    magic: 0,
    totalsize: 4,
    structure: 8,
    strings: 12,
    version: 20,
    stringsSize: 32,
    structSize: 36,
  };
  for (const [field, offset] of Object.entries(sizes)) {
    const bad = Buffer.from(blob);
    bad.writeUInt32BE(field === 'version' ? 1 : 0x7ffffffc, offset);
    const path = join(root, 'build/native', `bad-${field}.dtb`);
    writeFileSync(path, bad);
    t.deepEqual(ask('tree', path), ['corrupt'], field);
  }
});

test('damaged_trees_are_read_without_leaving_them', (t) => {
  t.timeout(60_000);
  const [line] = ask('fuzz', pi3, '20251121', '20000');
  const [, opened] = /^opened (\d+) of 20000/.exec(line ?? '') ?? [];
  t.true(Number(opened) > 1000, line);
});
