/** Faults are planted in emulated boards: the rig must find each, and its report must name the cause. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { compileDeviceTree, findTool } from '../../firmware/index.ts';
import { type CauseCode, unavailableReason } from '../../rig/index.ts';
import type { Summary } from '../../rig/report/index.ts';
import { plantedImage } from './planted.ts';

process.env.VELOCITY_RIG_LOCKS = temporaryFolder();

type Found = { readonly code: CauseCode; readonly sentence: string; readonly page: string };

/** Runs these suites on the board that the text of a bench file describes, and returns what the rig says is wrong. */
const verdictOn = async (t: ExecutionContext, entry: string, suites: string, filter = ''): Promise<Found> => {
  const folder = temporaryFolder();
  const bench = join(folder, 'bench.yaml');
  writeFileSync(bench, `boards:\n  planted: ${entry}\n`);
  const only = filter ? ['--filter', filter] : [];
  const result = await velocity(
    'rig',
    'run',
    '--bench',
    bench,
    '--suite',
    suites,
    ...only,
    '--report',
    folder,
    '--json',
  );
  t.is(result.exit, 15, result.stdout + result.stderr);
  const summary = jsonLines(result).at(-1) as unknown as Summary;
  const cause = summary.verdicts[0]!.cause!;
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  t.true(page.includes(`<code>${cause.code}</code>`));
  t.true(readFileSync(join(folder, 'report.xml'), 'utf8').includes(`type="${cause.code}"`));
  t.log(cause.sentence);
  return { ...cause, page };
};

const needs = (board: string) => unavailableReason(boardNamed(board), findTool('qemu'));
const onBoard = (board: string, title: string, body: (t: ExecutionContext) => Promise<void>) => {
  const reason = needs(board);
  if (reason) return test.skip(`${title}: ${reason}`, () => {});
  return test.serial(title, async (t) => {
    t.timeout(300_000);
    await body(t);
  });
};

onBoard('qemu-virt', 'a_kernel_that_hangs_at_boot_is_found_in_the_function_where_it_hangs', async (t) => {
  const image = await plantedImage(temporaryFolder(), 'hang', 'slots_init');
  const found = await verdictOn(
    t,
    `{ board: qemu-virt, boot_seconds: 8, emulated: { image: ${image} } }`,
    'boot',
  );
  t.is(found.code, 'hangs_at_boot');
  t.regex(found.sentence, /core 0 in __wrap_slots_init/);
  t.regex(found.sentence, /started "slots"/);
});

onBoard('qemu-virt', 'a_line_that_drops_one_byte_in_a_thousand_is_found_with_its_rate', async (t) => {
  const found = await verdictOn(
    t,
    '{ board: qemu-virt, emulated: { clock: wall, line: { drop_per_million: 1000, seed: 3 } } }',
    'link',
    'every byte',
  );
  t.is(found.code, 'line_loses_bytes');
  const rate = Number(
    /from the board were lost \(about one in ([\d,]+)\)/.exec(found.sentence)?.[1]?.replaceAll(',', ''),
  );
  t.true(rate > 600 && rate < 1700, found.sentence);
});

onBoard('qemu-virt', 'a_module_that_leaks_a_reference_is_found_with_the_map_it_holds', async (t) => {
  const image = await plantedImage(temporaryFolder(), 'leak', 'map_release');
  const found = await verdictOn(t, `{ board: qemu-virt, emulated: { image: ${image} } }`, 'modules');
  t.is(found.code, 'leaks_reference');
  t.regex(
    found.sentence,
    /module rig_held was removed, and map rig_held_map is still held by 8 of its versions/,
  );
});

onBoard('qemu-virt', 'a_board_that_resets_every_minute_is_found_with_its_period', async (t) => {
  const image = await plantedImage(temporaryFolder(), 'restart', 'link_poll');
  const found = await verdictOn(t, `{ board: qemu-virt, emulated: { image: ${image} } }`, 'soak');
  t.is(found.code, 'resets_by_itself');
  const period = Number(/about every (\d+) s/.exec(found.sentence)?.[1]);
  t.true(period >= 54 && period <= 63, found.sentence);
  t.regex(found.page, /restarted by itself \d times/);
});

onBoard('rpi4b', 'an_image_for_another_board_is_found_before_it_runs', async (t) => {
  const tree = await compileDeviceTree('rpi3b');
  const found = await verdictOn(t, `{ board: rpi4b, emulated: { device_tree: ${tree} } }`, 'boot');
  t.is(found.code, 'wrong_image');
  t.regex(
    found.sentence,
    /is for another board: its device tree is of "Raspberry Pi 3 Model B".*the board is a Raspberry Pi 4 Model B/,
  );
});

onBoard('qemu-virt', 'an_image_for_another_machine_is_found_before_it_runs', async (t) => {
  const image = join(temporaryFolder(), 'zImage');
  writeFileSync(image, Buffer.alloc(4096, 0x90));
  const found = await verdictOn(t, `{ board: qemu-virt, emulated: { image: ${image} } }`, 'boot');
  t.is(found.code, 'wrong_image');
  t.regex(found.sentence, /lacks the header of an arm64 Image/);
});

onBoard('qemu-virt', 'another_board_than_the_bench_file_says_is_found_at_its_port', async (t) => {
  const { address, stop } = await startBoard('qemu-virt');
  t.teardown(stop);
  const found = await verdictOn(t, `{ board: rpi4b, serial: '${address}', twin: false }`, 'boot');
  t.is(found.code, 'wrong_board');
  t.regex(found.sentence, /says it is "linux,dummy-virt"; the bench file says rpi4b/);
});

onBoard('qemu-virt', 'a_power_command_that_fails_is_named_with_what_it_printed', async (t) => {
  const { address, stop } = await startBoard('qemu-virt');
  t.teardown(stop);
  const power = `{ by: command, on: 'echo the relay is gone >&2; exit 3', off: 'true', off_seconds: 0 }`;
  const found = await verdictOn(t, `{ board: jetson-nano, serial: '${address}', power: ${power} }`, 'boot');
  t.is(found.code, 'power_command');
  t.regex(found.sentence, /ended with status 3: the relay is gone/);
});

test.serial('a_port_that_cannot_be_opened_is_named', async (t) => {
  t.timeout(120_000);
  const found = await verdictOn(t, '{ board: jetson-nano, serial: /dev/not-there }', 'boot');
  t.is(found.code, 'no_port');
  t.regex(found.sentence, /\/dev\/not-there: there is no such port/);
});
