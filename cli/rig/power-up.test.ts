/** Real boards, as the rig flashes them: by the command that people type. */
import test from 'ava';
import { FastbootDevice, serveFastbootUdp } from '../../rig/emulated/index.ts';
import { parseBench } from '../../rig/index.ts';
import { flashFiles } from '../test/flash-files.ts';
import { startReal } from './power-up.ts';

test('a_partition_of_a_board_in_fastboot_mode_is_written_without_a_question', async (t) => {
  t.timeout(120_000);
  const { manifest, image, build, folder } = flashFiles();
  const device = new FastbootDevice();
  const server = await serveFastbootUdp(device);
  t.teardown(server.close);
  const flash = `{ by: fastboot, address: 'udp:127.0.0.1:${server.port}', partition: boot }`;
  const bench = `boards: { desk: { board: rpi4b, serial: /dev/none, twin: false, flash: ${flash} } }`;
  const [entry] = parseBench(bench, 'bench.yaml');
  const images = { manifest, image: `${folder}/Image`, build, elf: '' };
  const said: string[] = [];
  const step = async (phase: string, work: () => Promise<string>) => {
    said.push(`${phase}: ${await work()}`);
  };
  await startReal(entry!, images, step, async () => {});
  t.deepEqual(said, ['power: not switched: it is as it is', 'flash: by fastboot']);
  t.true(device.partitions.get('boot')!.subarray(0, image.length).equals(image));
});
