/** The drivers of virtio's disk and network against devices that err, and whose memory is in no order but that of barriers. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative } from './build.ts';

const sources = [
  'test/native/virtio_host.c',
  'test/native/virtio_device.c',
  'drivers/virtio_blk.c',
  'drivers/virtio_net.c',
  'drivers/virtio_mmio.c',
  'drivers/virtqueue.c',
  'lib/deadline.c',
];

const names = {
  disk: [
    'a_disk_keeps_what_is_written',
    'what_lies_beyond_its_end_is_not_asked_for',
    'an_error_of_it_is_told_of',
    'what_it_says_of_other_buffers_is_passed_over',
    'one_that_is_not_heard_of_again_is_reset_and_left_alone',
    'one_that_cannot_be_driven_is_given_up',
    'it_forgets_its_memory_when_it_is_closed',
    'other_devices_are_left_alone',
  ],
  network: [
    'frames_come_with_each_interrupt_and_their_buffers_are_used_again',
    'as_many_frames_as_the_queue_holds_come_with_one_interrupt',
    'what_is_no_frame_is_dropped',
    'frames_are_sent_behind_an_empty_header',
    'a_full_queue_refuses_until_frames_have_left',
    'the_network_forgets_its_memory_when_it_is_closed',
    'one_that_cannot_be_used_is_given_up',
  ],
};

let host = '';
test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative('virtio_host', sources, t.log, 'test/native/virtio');
});

for (const [device, properties] of Object.entries(names))
  for (const [version, label] of ['legacy', 'present'].entries())
    test(`${device}_of_the_${label}_interface`, (t) => {
      const args = [device, String(version + 1)];
      const told = execFileSync(host, args, { encoding: 'utf8', timeout: 20_000 });
      t.deepEqual(
        told.trimEnd().split('\n'),
        properties.map((name) => `ok ${name}`),
      );
    });
