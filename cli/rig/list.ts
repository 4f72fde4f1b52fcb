/** `velocity rig list`: boards and tests. */
import { paths } from '../../firmware/index.ts';
import { describeHolder, holderOf, type RigBoard, suiteNames } from '../../rig/index.ts';
import { selectCases } from '../../rig/suites/index.ts';
import type { Context } from '../context.ts';
import { type BenchOptions, chooseBoards, whyUnusable } from './prepare.ts';

const reachedBy = ({ kind, serial, baud, emulated, twinOf }: RigBoard): string => {
  if (kind === 'real') return `${serial} at ${baud} baud`;
  const more = [
    ...(twinOf ? [`twin of ${twinOf}`] : []),
    ...(emulated.machine ? [emulated.machine] : []),
    ...(emulated.image ? [`image ${emulated.image}`] : []),
    ...(emulated.line ? ['noise on its line'] : []),
  ];
  return ['QEMU', ...more].join(', ');
};

export const listBoards = (context: Context, options: BenchOptions): void => {
  const { from, entries } = chooseBoards(options);
  context.output.print(`${from}:`);
  for (const entry of entries) {
    const { name, board, kind, power, flash } = entry;
    const holder = holderOf(entry, paths.state);
    const why = whyUnusable(entry);
    const state = holder ? `in use by ${describeHolder(holder)}` : (why ?? 'free');
    const ways = kind === 'real' ? `, power by ${power.by}, flash by ${flash.by}` : '';
    context.output.fact(
      {
        event: 'board',
        name,
        board: board.name,
        kind,
        reached: reachedBy(entry),
        power: power.by,
        flash: flash.by,
        usable: why === undefined,
        why,
        holder,
      },
      `  ${name.padEnd(20)} ${kind.padEnd(8)} ${board.name.padEnd(16)} ${reachedBy(entry)}${ways}; ${state}`,
    );
  }
};

export const listTests = (context: Context): void => {
  for (const { suite, name, retry } of selectCases({ suites: suiteNames })) {
    const again = retry ? `  (tried again ${retry.times} times: ${retry.because})` : '';
    context.output.fact(
      { event: 'test', suite, test: name, retry },
      `${suite.padEnd(12)} ${name.replaceAll('_', ' ')}${again}`,
    );
  }
};
