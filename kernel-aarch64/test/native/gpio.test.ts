/** Which GPIO lines a device tree gives away, and the registers behind them. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative, compileTree } from './build.ts';
import { testChecks } from './checks.ts';

const tree = (lines: string, controllers = '') => `/ {
  #address-cells = <1>; #size-cells = <1>;
  ${lines}
  ${controllers}
  bcm: gpio@20000000 { compatible = "brcm,bcm2711-gpio", "brcm,bcm2835-gpio"; reg = <0x20000000 0xb4>; };
  pl061: gpio@20001000 { compatible = "arm,pl061", "arm,primecell"; reg = <0x20001000 0x1000>; };
  gpio@20002000 { compatible = "brcm,bcm2835-gpio"; reg = <0x20002000 0xb4>; status = "disabled"; };
};`;

const checked = tree(`
  leds { compatible = "gpio-leds"; relay { gpios = <&bcm 17 1>; }; led-act { gpios = <&pl061 1 0>; }; };
  keys { compatible = "gpio-keys";
    a { gpios = <&bcm 4 0>; }; b { gpios = <&bcm 40 1>; }; c { gpios = <&pl061 2 0>; };
    beyond { gpios = <&bcm 58 0>; }; none { gpios = <0x77 1 0>; }; two { gpios = <&bcm 5 0>, <&bcm 6 0>; };
  };`);

let host = '';
const ask = (command: string, name: string, source: string) =>
  execFileSync(host, [command, compileTree(name, source)], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
let checks: string[] = [];

test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative(
    'gpio_host',
    ['test/native/gpio_host.c', 'drivers/gpio.c', 'lib/fdt.c'],
    t.log,
    'test/native/pins',
  );
  checks = ask('check', 'gpio-checked', checked);
});

testChecks(
  () => checks,
  [
    'a_pin_of_an_input_is_one_and_others_stay',
    'a_pin_of_an_output_is_one_and_others_stay',
    'a_pl061_has_its_directions',
    'an_input_is_active_as_the_tree_says',
    'an_input_of_the_other_level_is_not',
    'an_output_that_stays_is_not_written',
    'an_output_that_is_active_low_is_pulled_down',
    'an_output_that_is_active_high_is_pulled_up',
    'the_activity_led_is_found_by_its_name',
  ],
);

const many = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join('\n');

test('the_33rd_line_is_left_alone', (t) => {
  const keys = many(34, (i) => `k${i} { gpios = <&bcm ${i} 1>; };`);
  const leds = many(40, (i) => `l${i} { gpios = <&bcm 50 0>; };`);
  const lines = `keys { compatible = "gpio-keys"; ${keys} }; leds { compatible = "gpio-leds"; ${leds} };`;
  t.deepEqual(ask('read', 'gpio-many', tree(lines)), ['ffffffff']);
});

test('a_tree_without_lines_has_none', (t) => {
  t.deepEqual(ask('read', 'gpio-none', tree('')), ['0']);
});

test('a_line_of_no_controller_is_not_that_of_one_without_a_phandle', (t) => {
  const lines = 'keys { compatible = "gpio-keys"; k { gpios = <0 1 1>; }; };';
  t.deepEqual(ask('read', 'gpio-nobody', tree(lines)), ['0']);
});

test('the_5th_controller_is_left_alone', (t) => {
  const more = many(
    4,
    (i) =>
      `gpio@2000${i + 4}000 { compatible = "arm,pl061"; reg = <0x2000${i + 4}000 0x1000>; phandle = <${i + 90}>; };`,
  );
  const lines = 'keys { compatible = "gpio-keys"; k { gpios = <&pl061 0 1>; }; };';
  t.deepEqual(ask('read', 'gpio-controllers', tree(lines, more)), ['0']);
});
