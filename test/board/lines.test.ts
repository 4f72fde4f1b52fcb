/** GPIO lines: seen from outside, by the registers of the controller, and by modules and the host, by their maps. */
import { setTimeout as delay } from 'node:timers/promises';
import { findTool } from '../../firmware/index.ts';
import { compileTree } from '../../kernel-aarch64/test/native/build.ts';
import type { RefusedError, VelocityLink } from '../../link/index.ts';
import { pressPower, wordAt } from '../../rig/index.ts';
import { onEveryBoard, onVirtualBoard } from './bench.ts';
import { exampleModule, install, timerProgram } from './programs.ts';
import { virtSource } from './virt-tree.ts';

const FIRST = Uint8Array.of(0, 0, 0, 0);
const WAIT_MS = 30_000;

const entry = async (link: VelocityLink, map: string) => Buffer.from((await link.mapRead(map, FIRST)).value);
const lines = async (link: VelocityLink, map: string) => (await entry(link, map)).readBigUInt64LE();

const write = async (link: VelocityLink, levels: bigint) => {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(levels);
  await link.mapWrite('gpio_out', FIRST, value);
};

/** Asks until the answer is this; the last one when it never is. */
const until = async <T>(wanted: T, ask: () => Promise<T>): Promise<T> => {
  let answer = await ask();
  for (const end = Date.now() + WAIT_MS; answer !== wanted && Date.now() < end; answer = await ask())
    await delay(5);
  return answer;
};

onEveryBoard((it) => {
  it('has_maps_of_its_lines_that_no_module_gives_another_shape', async (t, { link }) => {
    const shapes = (await link.maps()).filter(({ name }) => name.startsWith('gpio_'));
    t.deepEqual(shapes.map(({ name }) => name).sort(), ['gpio_in', 'gpio_out']);
    const wide = { name: 'gpio_out', type: 2, keySize: 4, valueSize: 16, maxEntries: 1, flags: 0 };
    const program = { ...timerProgram('wide', 'r0 = 0\nexit'), maps: [wide] };
    const error = await t.throwsAsync(install(link, program));
    t.is((error as RefusedError).status, 'map_shape');
  });
});

const GPLEV1 = 0xfe20_0038;
const LED = 1 << (42 - 32);

onVirtualBoard('rpi4b', 'rpi4b', {}, (it) => {
  it('lights_its_led_and_lets_a_module_blink_it', async (t, { link, control }) => {
    const lit = async () => ((await wordAt(control!, GPLEV1)) & LED) !== 0;
    t.true(await until(true, lit));
    t.is(await lines(link, 'gpio_out'), 1n);
    await write(link, 0n);
    t.false(await until(false, lit));
    await install(link, await exampleModule('blink'));
    for (const wanted of [true, false, true]) t.is(await until(wanted, lit), wanted);
    await link.remove('blink');
  });
});

if (findTool('qemu')) {
  onVirtualBoard('qemu-virt', 'qemu-virt', {}, (it) => {
    it('gives_a_module_its_button', async (t, { link, control }) => {
      await install(link, await exampleModule('button'));
      const contact = (offset: number) => async () =>
        (await entry(link, 'button_contact')).readBigUInt64LE(offset);
      const [settled, presses] = [contact(8), contact(24)];
      for (const count of [1n, 2n]) {
        t.is(await until(0n, () => lines(link, 'gpio_in')), 0n);
        t.is(await until(0n, settled), 0n); // sooner, a press would be the last one's bounce
        await pressPower(control!);
        t.is(await until(1n, () => lines(link, 'gpio_in')), 1n); // at once: the press lasts a tenth of the board's second
        t.is(await until(count, presses), count);
        t.is(await lines(link, 'gpio_out'), count % 2n);
      }
      await link.remove('button');
    });
  });

  const PL061 = 0x0903_0000;
  const DIRECTION = PL061 + 0x400;
  const pin = (number: number) => PL061 + (4 << number);
  const leds = (phandle: string) => `
    leds {
      compatible = "gpio-leds";
      elsewhere { gpios = <0x7fff 2 0>; };
      beyond { gpios = <${phandle} 8 0>; };
      short { gpios = <${phandle} 2>; };
      off { gpios = <${phandle} 2 0>; status = "disabled"; };
      high { gpios = <${phandle} 0 0>; };
      low { gpios = <${phandle} 1 1>; };
    };`;
  const source = virtSource();
  const phandle = /pl061@9030000 \{[^}]*phandle = <(0x[0-9a-f]+)>/.exec(source)![1]!;
  const dtb = compileTree('lines', source.replace(/^\t(?=pl061@)/m, `${leds(phandle)}\n\t`));

  onVirtualBoard('qemu-virt', 'lines_of_a_pl061', { dtb }, (it) => {
    it('are_numbered_among_those_that_are_driven', async (t, { link, control }) => {
      const levels = async () => `${await wordAt(control!, pin(0))} ${await wordAt(control!, pin(1))}`;
      t.is(await wordAt(control!, DIRECTION), 0b11);
      t.is(await levels(), '0 2');
      await write(link, 0b01n);
      t.is(await until('1 2', levels), '1 2');
      await write(link, 0b10n);
      t.is(await until('0 0', levels), '0 0');
      await write(link, 0xffff_ffff_ffff_ffffn);
      t.is(await until('1 0', levels), '1 0');
      t.is(await wordAt(control!, DIRECTION), 0b11);
    });
  });
}
