/** What the interrupt controllers are told, in which order: of much of it no emulator takes notice. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative, compileTree } from './build.ts';

let host = '';
test.before(async (t) => {
  t.timeout(60_000);
  const sources = [
    'test/native/irq_host.c',
    'irq/irq.c',
    'irq/gic2.c',
    'irq/gic3.c',
    'irq/bcm2836.c',
    'lib/fdt.c',
  ];
  host = await buildNative('irq_host', sources, t.log, 'test/native/interrupts');
});

const tree = (name: string, nodes: string) =>
  compileTree(`irq-${name}`, `/ { #address-cells = <1>; #size-cells = <1>; ${nodes} };`);
const told = (path: string, ...waiting: string[]) =>
  execFileSync(host, [path, ...waiting], { encoding: 'utf8', timeout: 20_000 })
    .trimEnd()
    .split('\n');

const hex = (value: number) => value.toString(16);
const all = 'ffffffff';
/** One level for everything that a core has for itself, 4 in a register. */
const priorities = (base: number) => Array.from({ length: 8 }, (_, i) => `${hex(base + 4 * i)} a0a0a0a0`);

/** Arm IHI 0048B §4.3 and §4.4: what was enabled is not, but for calls between cores, and all have one priority. */
test('a_gic2_is_told_what_it_should_be', (t) => {
  const path = tree(
    'gic2',
    'gic@8000000 { compatible = "arm,gic-400"; reg = <0x8000000 0x10000>, <0x8010000 0x2000>; phandle = <1>; };',
  );
  const core = [
    '8000180 ffff0000',
    ...priorities(0x8000400),
    '8000100 ffff',
    '8010004 ff', // lets all priorities through
    '8010000 1',
  ];
  const enabled = (irq: number) => [
    `enable ${irq}`,
    `${hex(0x8000400 + irq)} byte a0`,
    `8000100 ${hex(1 << irq)}`,
  ];
  t.deepEqual(told(path, '402', '10', '4d', '1b', '3fe'), [
    'map 8000000 10000',
    'map 8010000 2000',
    '8000000 0',
    `8000184 ${all}`,
    `8000188 ${all}`,
    '8000000 1',
    ...['core 0', ...core, 'core 1', ...core, ...enabled(3)],
    ...['core 2', ...core, ...enabled(3), ...enabled(1), ...enabled(3)],
    ...['enable 27', '800041b byte a0', '8000100 8000000'],
    ...['enable 77', '800044d byte a0', '800084d byte 1', '8000108 2000'], // goes to core 0
    'enable 4294967295',
    // Each ends before its handler runs; of a call, with the core that sent it.
    ...['take', '8010010 402', 'handler of calls', '8010010 10'],
    ...['8010010 4d', 'handler 77.2', 'handler 77.3', '8010010 1b', 'handler 27.1'],
    ...['send', 'dsb ishst', '8000f00 40000'],
  ]);
});

const gic3 = () =>
  tree(
    'gic3',
    `gic@8000000 { compatible = "arm,gic-v3"; phandle = <1>;
      reg = <0x8000000 0x10000>, <0x9000000 0x100000>, <0xa000000 0x1000000>; };`,
  );

/** Arm IHI 0069H §12.9, §12.11 and §12.2: all is of group 1, and a frame is awake before it is told anything. */
test('a_gic3_is_told_what_it_should_be', (t) => {
  const core = (frame: number) => [
    `${hex(frame + 0x14)} 4`,
    `${hex(frame + 0x10080)} ${all}`,
    `${hex(frame + 0x10180)} ffff0000`,
    ...priorities(frame + 0x10400),
    `${hex(frame + 0x10100)} ffff`,
    ...['s3_0_c12_c12_5 7', 'isb'], // ICC_SRE_EL1, before other registers of the interface
    's3_0_c4_c6_0 ff', // ICC_PMR_EL1
    's3_0_c12_c12_4 0', // ICC_CTLR_EL1
    ...['s3_0_c12_c12_7 1', 'isb'], // ICC_IGRPEN1_EL1
  ];
  const taken = (interrupt: string) => ['dsb sy', `s3_0_c12_c12_1 ${interrupt}`];
  t.deepEqual(told(gic3(), '2', '10', '4d', '1b', '3ff'), [
    ...['map 8000000 10000', 'map 9000000 100000', 'map a000000 800000'],
    '8000000 0',
    ...[`8000184 ${all}`, `8000084 ${all}`, `8000188 ${all}`, `8000088 ${all}`],
    '8000000 13',
    ...['core 0', ...core(0x9000000)],
    ...['core 1', 'enable 3'], // has no frame
    ...['core 2', ...core(0xa000000), 'enable 3', 'a010100 8'],
    ...['enable 1', '9010100 2', 'enable 3', '9010100 8'],
    ...['enable 27', '9010100 8000000'],
    ...['enable 77', '800044d byte a0', '8006268 long 100', '8000108 2000'], // goes to core 0
    'enable 4294967295',
    ...['take', ...taken('2'), 'handler of calls', ...taken('10')],
    ...[...taken('4d'), 'handler 77.2', 'handler 77.3', ...taken('1b'), 'handler 27.1', 'dsb sy'],
    // Affinity 1.2.3.20: 1 at bit 48, 2 at 32, 3 at 16, and of the second sixteen (1 at 44) the fifth.
    ...['send', 'dsb ishst', 's3_0_c12_c11_5 1100200030010', 'isb'],
  ]);
});

test('a_gic3_that_never_ends_what_it_is_told_is_not_waited_for_for_ever', (t) => {
  t.is(told(gic3(), 'stuck').at(-1), 'isb');
});

/** QA7 §4; BCM2835 ARM Peripherals, chapter 7: bit 8 of what the first bank has pending sums up another one. */
test('the_controllers_of_a_bcm2837_are_told_what_they_should_be', (t) => {
  const path = tree(
    'bcm2837',
    `local@40000000 { compatible = "brcm,bcm2836-l1-intc"; reg = <0x40000000 0x100>; #interrupt-cells = <2>; phandle = <1>; };
    legacy@3f00b200 { compatible = "brcm,bcm2836-armctrl-ic"; reg = <0x3f00b200 0x200>; phandle = <2>; };`,
  );
  t.deepEqual(told(path, '11a', '100', '2000', '0', '8', '0'), [
    ...['map 40000000 100', 'map 3f00b200 200'],
    ...[`3f00b21c ${all}`, `3f00b220 ${all}`, `3f00b224 ${all}`],
    ...['core 0', '4000000c 0', '40000040 0', '40000050 1'],
    ...['core 1', '4000000c 0', '40000044 0', '40000054 1', 'enable 3', '40000044 8'],
    ...['core 2', '4000000c 0', '40000048 0', '40000058 1', 'enable 3', '40000048 8'],
    ...['enable 1', '40000040 2', 'enable 3', '40000040 a'],
    'enable 27', // there is none
    ...['enable 77', '3f00b210 2000'],
    'enable 4294967295',
    ...[
      'take',
      ...[`400000c0 ${all}`, 'dsb sy'], // a bell that rings later is not taken for this one
      'handler of calls',
      'handler 77.2',
      'handler 77.3',
      'handler 3.0',
      'handler 3.0',
    ],
    ...['send', 'dsb ishst', '400000a0 1'],
  ]);
});
