/** What goes wrong stays where it went wrong, and is reported. */
import { statusNamed } from '../../abi/index.ts';
import { Random } from '../../ebpf/random.ts';
import type { Response } from '../../link/index.ts';
import { CauseError } from '../cause.ts';
import { expectNothingLeft, heldEmpty } from './leftovers.ts';
import { returning } from './programs.ts';
import { suite } from './suite.ts';

const FAULTS = 32;
const BATCH = 16; // records of evidence that the board keeps
const NOISE_BYTES = 20_000;
const DATA_ABORT_AT_EL1 = 0x25n; // ESR_EL1.EC, Arm ARM D19.2.37

type Evidence = Response<'evidence'>;

const isFault = ({ reason, esr, regs }: Evidence) =>
  reason === statusNamed('module_fault').code && esr >> 26n === DATA_ABORT_AT_EL1 && regs.length === 31 * 8;

export const noise = (seed: number, bytes = NOISE_BYTES): Uint8Array => {
  const random = new Random(seed);
  return Uint8Array.from({ length: bytes }, () => random.below(256));
};

export const faultsSuite = suite('faults', [
  {
    name: 'faults_of_modules_are_caught_and_each_is_reported',
    run: async (t, bench) => {
      const { link } = bench;
      const before = await heldEmpty(bench);
      await bench.install(returning('rig_bystander', 2));
      let reported = 0;
      for (let done = 0; done < FAULTS; done += BATCH) {
        await link.request('bench', { what: 'fault', n: BATCH });
        for (const record of await link.evidenceAll()) {
          if (isFault(record)) reported += 1;
          await link.evidenceAck(record.id);
        }
      }
      if (reported !== FAULTS)
        throw new CauseError('loses_events', `${FAULTS} modules faulted, ${reported} reports came`);
      t.is((await link.modules())[0]?.name, 'rig_bystander');
      await bench.remove('rig_bystander');
      await expectNothingLeft(link, 'rig_bystander', before);
    },
  },
  {
    name: 'noise_on_the_line_costs_no_tick_and_no_later_message',
    run: async (t, { device, link }) => {
      await link.timer(1000);
      await device.line.write(noise(1));
      await device.line.write(Buffer.from('\n'));
      t.is(await link.echo('after the noise'), 'after the noise');
      const { missed } = await link.timer();
      if (missed > 0n) throw new CauseError('missed_ticks', `${missed} ticks were missed while noise came`);
    },
  },
  {
    name: 'a_host_that_dies_during_an_upload_leaves_nothing_behind',
    run: async (t, bench) => {
      const before = await heldEmpty(bench);
      const data = new Uint8Array(1024).fill(7);
      await bench.link.stageChunk({ off: 0, len: 100_000, sha: new Uint8Array(32).fill(1), data });
      await bench.device.reconnect(0);
      await bench.install(returning('rig_after', 3));
      t.is((await bench.link.modules())[0]?.name, 'rig_after');
      await bench.remove('rig_after');
      await expectNothingLeft(bench.link, 'rig_after', before);
    },
  },
  {
    name: 'a_damaged_patch_is_refused_and_changes_nothing',
    run: async (t, bench) => {
      const { link } = bench;
      const before = await heldEmpty(bench);
      await link.stage(new Uint8Array(200).fill(0xd2));
      await t.throwsAsync(link.install({ canary: false }));
      t.deepEqual(await link.modules(), []);
      await expectNothingLeft(link, 'nothing', before);
    },
  },
]);
