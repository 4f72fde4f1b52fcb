/** Which UART the kernel takes as its console, and the driver of one that no emulator has. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { compileDeviceTree } from '../../../firmware/device-tree.ts';
import { buildNative, compileTree } from './build.ts';
import { testChecks } from './checks.ts';

const sources = [
  'test/native/uart_host.c',
  'drivers/uart_find.c',
  'drivers/tcu.c',
  'drivers/pl011.c',
  'drivers/ns16550.c',
  'lib/fdt.c',
];

let host = '';
let checks: string[] = [];
const ask = (...args: string[]) => execFileSync(host, args, { encoding: 'utf8' }).trimEnd().split('\n');
const chosen = (tree: string) => ask('choose', tree)[0]!;

test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative('uart_host', sources, t.log);
  checks = ask('check');
});

testChecks(
  () => checks,
  [
    'a_byte_fills_the_mailbox_until_it_is_taken',
    'a_message_gives_its_characters_in_order',
    'a_message_without_characters_is_released',
    'the_interrupt_is_that_of_its_mailbox_alone',
    'a_pl011_interrupts_by_nothing_that_lasts_when_all_was_read',
    'a_pl011_starts_at_its_rate_or_at_that_of_the_loader',
    'a_pl011_tells_of_what_it_lost_and_when_it_is_full',
    'what_waits_to_be_sent_outlives_the_next_start_of_a_16550',
    'registers_of_a_16550_are_bytes_or_words',
    'a_16550_tells_of_what_it_lost_and_when_it_is_full',
    'a_mini_uart_is_switched_on_beside_others',
  ],
);

test('the_console_of_the_pi_3_is_what_stdout_path_names', async (t) => {
  t.regex(chosen(await compileDeviceTree('rpi3b')), /^pl011 base 3f201000 shift 0 baud 115200 /);
});

const tegra = (uart: string, blocks: string) => `/ {
  #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
  aliases { serial0 = &tcu; };
  chosen { stdout-path = "serial0:115200n8"; };
  gic: interrupt-controller@f400000 { #interrupt-cells = <3>; reg = <0 0xf400000 0 0x10000>; };
  bus@0 { #address-cells = <2>; #size-cells = <2>; ranges;
    serial@3100000 { compatible = "nvidia,tegra20-uart"; reg = <0 0x3100000 0 0x10000>; };
    ${blocks} };
  ${uart}
};`;

const top = `top: hsp@3c00000 { compatible = "nvidia,tegra234-hsp", "nvidia,tegra194-hsp"; reg = <0 0x3c00000 0 0xa0000>;
  interrupts = <0 176 4>, <0 120 4>, <0 121 4>; };`;
const aon = `aon: hsp@c150000 { compatible = "nvidia,tegra234-hsp", "nvidia,tegra194-hsp"; reg = <0 0xc150000 0 0x90000>;
  interrupts = <0 133 4>; };`;
const combined = (mboxes: string) =>
  `tcu: serial { compatible = "nvidia,tegra234-tcu", "nvidia,tegra194-tcu"; mboxes = ${mboxes}; };`;

const found = 'tcu base c168000 shift 0 baud 115200 receive 3c00000 mailbox 0 interrupt 120';

test('the_combined_uart_of_an_orin_is_put_together_from_two_blocks', (t) => {
  const tree = compileTree('tcu', tegra(combined('<&top 1 0>, <&aon 1 0x80000001>'), top + aon));
  t.is(chosen(tree), found);
});

test('the_order_of_its_mailboxes_does_not_matter', (t) => {
  const tree = compileTree('tcu-swapped', tegra(combined('<&aon 1 0x80000001>, <&top 1 0>'), aon + top));
  t.is(chosen(tree), found);
});

/** tegra234.dtsi of L4T 35: aon, top, top1, top2, sce, rce. */
test('its_blocks_may_come_behind_those_of_other_processors', (t) => {
  const others = ['3d00000', '1600000', 'b150000', 'b950000'].map(
    (at) => `hsp@${at} { compatible = "nvidia,tegra186-hsp"; reg = <0 0x${at} 0 0x90000>; };`,
  );
  const tree = compileTree(
    'tcu-behind',
    tegra(combined('<&top 1 0>, <&aon 1 0x80000001>'), others.join('\n') + top + aon),
  );
  t.is(chosen(tree), found);
});

for (const [what, mboxes] of [
  ['a_mailbox_that_its_block_has_not', '<&top 1 0>, <&aon 1 0x80000008>'],
  ['two_mailboxes_of_one_direction', '<&top 1 0>, <&aon 1 1>'],
  ['a_doorbell_in_place_of_a_mailbox', '<&top 0 0>, <&aon 1 0x80000001>'],
  ['a_block_that_is_none', '<&gic 1 0>, <&aon 1 0x80000001>'],
]) {
  test(`a_combined_uart_with_${what}_is_not_taken`, (t) => {
    const tree = compileTree(`tcu-${what}`, tegra(combined(mboxes!), top + aon));
    t.regex(chosen(tree), /^16550 base 3100000 shift 2 /);
  });
}

test('a_board_without_a_uart_has_none', (t) => {
  t.is(chosen(compileTree('no-uart', '/ { };')), 'none');
});
