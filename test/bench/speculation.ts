/** What guards against speculation cost (docs/explanation-threats.md): the same programs on a core that gets them and on one that does not. */
import { startBoard } from '../../cli/virtual.ts';
import { VelocityLink } from '../../link/index.ts';
import { atMost, type Metric } from './metric.ts';
import { type BoardRun, compileProgram, runOnBoard, sameResult } from './peers/board.ts';
import { type PeerProgram, programs } from './peers/programs.ts';

const BOOT_TIMEOUT_MS = 60_000;

/** None of the programs that are compared with peers has an index that only a compare bounds. */
const tables: PeerProgram = { name: 'tables', title: 'sums of 128 readings, by channel' };

const runAll = async (cpu: string): Promise<BoardRun[]> => {
  const board = await startBoard('qemu-virt', undefined, { extra: ['-cpu', cpu] });
  try {
    const link = await VelocityLink.open(board.address, { readyTimeoutMs: BOOT_TIMEOUT_MS });
    const runs: BoardRun[] = [];
    for (const program of [...programs, tables]) {
      runs.push(await runOnBoard(link, program, await compileProgram(program)));
    }
    await link.close();
    return runs;
  } finally {
    await board.stop();
  }
};

const sum = (runs: readonly BoardRun[], of: 'executed' | 'words') =>
  runs.reduce((all, run) => all + run[of], 0);
const more = (guarded: readonly BoardRun[], bare: readonly BoardRun[], of: 'executed' | 'words') =>
  (100 * sum(guarded, of)) / sum(bare, of) - 100;

/**
 * In percent of what is executed, and of words, without them: over the programs of the comparison with peers, and of a
 * program whose every turn has such an index.
 * @throws Error when a program does not compute the same with and without
 */
export const speculationMetrics = async (): Promise<Metric[]> => {
  const [guarded, bare] = [await runAll('cortex-a72'), await runAll('cortex-a53')];
  const differs = guarded.findIndex((run, i) => !sameResult(run, bare[i]!));
  if (differs >= 0) throw new Error(`${[...programs, tables][differs]!.name} differs without its guards`);
  const [usual, usualBare] = [guarded.slice(0, -1), bare.slice(0, -1)];
  const [tablesOnly, tablesBare] = [guarded.slice(-1), bare.slice(-1)];
  return [
    atMost('speculation_guards', more(usual, usualBare, 'executed'), '% more executed, 16 programs', 2),
    atMost('speculation_guards_words', more(usual, usualBare, 'words'), '% more code, 16 programs', 2),
    atMost(
      'speculation_guards_tables',
      more(tablesOnly, tablesBare, 'executed'),
      '% more executed, an index a turn',
      40,
    ),
  ];
};
