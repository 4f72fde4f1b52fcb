/** It starts, and is what it should be. */
import { contractId } from '../../abi/index.ts';
import { isModel } from '../../boards/index.ts';
import { CauseError } from '../cause.ts';
import { suite } from './suite.ts';

const RESTART_MS = 60_000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export const bootSuite = suite('boot', [
  {
    name: 'is_the_board_that_the_bench_file_names',
    run: async (t, { link, entry }) => {
      const { board } = await link.info();
      if (!isModel(board, entry.board)) {
        throw new CauseError(
          'wrong_board',
          `the board says it is "${board}"; the bench file says ${entry.board.name}, "${entry.board.model}"`,
          'check which board that port leads to, or the device tree that its loader hands over',
        );
      }
      t.pass();
    },
  },
  {
    name: 'runs_the_build_that_was_flashed',
    run: async (t, { link, build }) => {
      const seen = (await link.info()).build;
      if (build !== undefined && seen !== build) {
        throw new CauseError(
          'wrong_build',
          `the board runs build ${seen}, flashed was ${build}`,
          'check that it boots from the medium that was written',
        );
      }
      t.is(seen.length, 40);
    },
  },
  {
    name: 'shares_the_contract_with_this_host',
    run: async (t, { link }) => t.is(hex((await link.info()).abi), contractId()),
  },
  {
    name: 'starts_every_core',
    run: async (t, { link, entry }) =>
      t.is((await link.info()).cores, entry.board.qemu?.cores ?? entry.board.cores),
  },
  {
    name: 'has_no_crash_record_of_this_run',
    run: async (t, { link, device }) => {
      const record = await link.crash().catch(() => undefined);
      if (record && record.build === (await link.info()).build && device.starts.length > 1) {
        throw new CauseError(
          'crashed',
          `the kernel crashed while starting: ${record.reason} on core ${record.core}`,
        );
      }
      t.pass();
    },
  },
  {
    name: 'starts_again_when_it_is_asked_to',
    run: async (t, { device }) => {
      const before = hex((await device.link.info()).boot);
      await device.restart(() => device.link.reset(), RESTART_MS);
      t.not(hex((await device.link.info()).boot), before);
      t.deepEqual(await device.link.modules(), []);
    },
  },
  {
    name: 'ticks_without_missing_one',
    run: async (t, { link }) => {
      await link.timer(1000);
      let state = await link.timer();
      while (state.ticks < 100n) state = await link.timer();
      if (state.missed > 0n) {
        throw new CauseError(
          'missed_ticks',
          `${state.missed} of ${state.ticks} ticks were missed with nothing to do`,
        );
      }
      t.is(state.missed, 0n);
    },
  },
]);
