/** What the kernel makes of device trees: of real ones, also of boards that no emulator has, and of what is peculiar to some. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { loaderTrees } from '../../../test/board/loader-trees.ts';
import { buildNative, compileTree } from './build.ts';

const sources = [
  'test/native/tree_host.c',
  'drivers/uart_find.c',
  'drivers/tcu.c',
  'drivers/pl011.c',
  'drivers/ns16550.c',
  'drivers/clock.c',
  'lib/deadline.c',
  'irq/irq.c',
  'irq/gic2.c',
  'irq/gic3.c',
  'irq/bcm2836.c',
  'lib/fdt.c',
];

let host = '';
test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative('tree_host', sources, t.log, 'test/native/registers');
});
const made = (tree: string) => execFileSync(host, [tree], { encoding: 'utf8' }).trimEnd();

/* Interrupts: of a GIC, 32 and the number of a shared one (Broadcom BCM2711 peripherals, 6.3; the trees themselves of others), and
 * 16 and that of a private one; on the BCM2837 32 times the bank and 32 (BCM2835 peripherals, 7.5: the auxiliary ones are 29). */
const real = [
  ['broadcom/bcm2711-rpi-4-b', 'mini-uart fe215040 interrupt 125, timer 27'],
  ['broadcom/bcm2711-rpi-400', 'mini-uart fe215040 interrupt 125, timer 27'],
  ['broadcom/bcm2711-rpi-cm4-io', 'mini-uart fe215040 interrupt 125, timer 27'],
  ['broadcom/bcm2712-rpi-5-b', 'pl011 107d001000 interrupt 153, timer 27'],
  ['broadcom/bcm2837-rpi-3-b', 'mini-uart 3f215040 interrupt 93, timer 3'],
  ['broadcom/bcm2837-rpi-zero-2-w', 'mini-uart 3f215040 interrupt 93, timer 3'],
  ['broadcom/bcm2837-rpi-cm3-io3', 'pl011 3f201000 interrupt 121, timer 3'],
  ['nvidia/tegra210-p3450-0000', '16550 70006000 interrupt 68, timer 27'],
] as const;

const { missing, path } = loaderTrees();
for (const [tree, expected] of real) {
  const none =
    missing ?? (existsSync(path(tree)) ? undefined : 'the newest kernel of Debian has no such tree');
  if (none) test.skip(`${tree} is skipped: ${none}`, () => {});
  else test(`what_it_makes_of_${tree}`, (t) => t.is(made(path(tree)), expected));
}

/** As Linux 4 had it: the auxiliary peripherals are a controller, a private interrupt is one cell, and no path names the console. */
const older = (chosen: string, serial0: string) => `/ {
  #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&legacy>;
  aliases { serial0 = "${serial0}"; };
  chosen { ${chosen} };
  soc { #address-cells = <1>; #size-cells = <1>; ranges = <0x7e000000 0x3f000000 0x1000000>, <0x40000000 0x40000000 0x1000>;
    legacy: interrupt-controller@7e00b200 { compatible = "brcm,bcm2836-armctrl-ic"; reg = <0x7e00b200 0x200>;
      interrupt-controller; #interrupt-cells = <2>; interrupt-parent = <&local>; interrupts = <8>; };
    serial@7e201000 { compatible = "arm,pl011", "arm,primecell"; reg = <0x7e201000 0x1000>; interrupts = <2 25>; };
    aux: aux@7e215000 { compatible = "brcm,bcm2835-aux"; reg = <0x7e215000 8>;
      interrupt-controller; #interrupt-cells = <1>; interrupts = <1 29>; };
    serial@7e215040 { compatible = "brcm,bcm2835-aux-uart"; reg = <0x7e215040 0x40>;
      interrupt-parent = <&aux>; interrupts = <0>; };
    local: local_intc@40000000 { compatible = "brcm,bcm2836-l1-intc"; reg = <0x40000000 0x100>;
      interrupt-controller; #interrupt-cells = <1>; interrupt-parent = <&local>; };
  };
  timer { compatible = "arm,armv7-timer"; interrupt-parent = <&local>; interrupts = <0>, <1>, <3>, <2>; };
};`;

test('the_alias_of_the_first_port_is_the_console_where_no_path_names_one', (t) => {
  const mini = older('', '/soc/serial@7e215040');
  t.is(made(compileTree('older-mini', mini)), 'mini-uart 3f215040 interrupt 93, timer 3');
  const pl011 = older('', '/soc/serial@7e201000');
  t.is(made(compileTree('older-pl011', pl011)), 'pl011 3f201000 interrupt 121, timer 3');
});

test('and_where_the_path_leads_nowhere', (t) => {
  const tree = older('stdout-path = "serial7:115200n8";', '/soc/serial@7e215040');
  t.is(made(compileTree('older-nowhere', tree)), 'mini-uart 3f215040 interrupt 93, timer 3');
});
