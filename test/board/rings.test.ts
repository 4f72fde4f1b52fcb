/** Ring buffers: what modules write comes to the host, in order, once. */
import { mapTypes } from '../../abi/index.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';
import { findTool } from '../../firmware/index.ts';
import type { RefusedError, VelocityLink } from '../../link/index.ts';
import { pressPower } from '../../rig/index.ts';
import { onEveryBoard, onVirtualBoard } from './bench.ts';
import { exampleModule, install, packetProgram } from './programs.ts';

const RING_BYTES = 4096;
const ring = {
  name: 'frames',
  type: mapTypes.ringbuf,
  keySize: 8,
  valueSize: 0,
  maxEntries: RING_BYTES,
  flags: 0,
};

/** Writes the first `size` bytes of each frame; its verdict is pass where that went well. */
const recorder = (size: number): ModuleProgram => ({
  ...packetProgram(
    'recorder',
    assemble(`
      r2 = *(u64 *)(r1 + 0)
      r3 = *(u64 *)(r1 + 8)
      r4 = r2
      r4 += ${size}
      r0 = 0
      if r4 > r3 goto out
      r1 = map 0 ll
      r3 = ${size}
      r4 = 0
      call ringbuf_output
      r1 = r0
      r0 = 2
      if r1 == 0 goto out
      r0 = 1
      out: exit`),
  ),
  maps: [ring],
});

const frame = (number: number, size: number) => Buffer.alloc(size, number);
const PASS = 2;
const DROP = 1;

const texts = async (link: VelocityLink) => {
  const got: [number, number, number][] = [];
  for await (const { data, lost } of link.records('frames')) got.push([data[0]!, data.length, lost]);
  return got;
};

onEveryBoard((it) => {
  it('gives_records_to_the_host_in_their_order_and_once', async (t, { link }) => {
    await install(link, recorder(20));
    for (const number of [1, 2, 3]) t.is((await link.inject(frame(number, 60))).verdict, PASS);
    t.is((await link.maps()).find(({ name }) => name === 'frames')!.entries, 3 * 32);
    t.deepEqual(await texts(link), [
      [1, 20, 0],
      [2, 20, 0],
      [3, 20, 0],
    ]);
    t.deepEqual(await texts(link), []);
    await link.remove('recorder');
  });

  it('loses_what_does_not_fit_and_counts_it', async (t, { link }) => {
    const size = 1400;
    await install(link, recorder(size));
    // Three times around, so that records go on at the start of the memory, and are longer than a message holds.
    for (let round = 0; round < 4; round++) {
      for (const number of [1, 2]) t.is((await link.inject(frame(number, size))).verdict, PASS);
      for (const number of [3, 4]) t.is((await link.inject(frame(number, size))).verdict, DROP);
      t.deepEqual(await texts(link), [
        [1, size, round === 0 ? 0 : 2],
        [2, size, 0],
      ]);
    }
    await link.remove('recorder');
  });

  it('refuses_positions_that_nothing_waits_at', async (t, { link }) => {
    await install(link, recorder(20));
    const far = Buffer.alloc(8);
    far.writeBigUInt64LE(1n << 40n);
    for (const ask of [
      () => link.mapRead('frames', far),
      () => link.mapWrite('frames', far, new Uint8Array()),
    ]) {
      const error = await t.throwsAsync(ask());
      t.is((error as RefusedError).status, 'no_entry');
    }
    const error = await t.throwsAsync(link.mapWrite('frames', Buffer.alloc(8), Uint8Array.of(1)));
    t.is((error as RefusedError).status, 'invalid_argument');
    await link.remove('recorder');
  });
});

if (findTool('qemu'))
  onVirtualBoard('qemu-virt', 'qemu-virt-edges', {}, (it) => {
    it('tells_of_each_change_of_a_line', async (t, { link, control }) => {
      await install(link, await exampleModule('edges'));
      await pressPower(control!);
      const edges: bigint[][] = [];
      for await (const { data } of link.records('edges', { follow: true, intervalMs: 5 })) {
        edges.push(Array.from({ length: 3 }, (_, i) => Buffer.from(data).readBigUInt64LE(8 * i)));
        if (edges.length === 2) break;
      }
      t.deepEqual(
        edges.map(([, levels, changed]) => [levels, changed]),
        [
          [1n, 1n],
          [0n, 1n],
        ],
      );
      t.true(edges[1]![0]! > edges[0]![0]!);
      await link.remove('edges');
    });
  });
