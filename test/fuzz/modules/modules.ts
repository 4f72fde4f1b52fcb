/** Random lives of modules on an emulated board, held to a model of what the board should say. */
import { startBoard } from '../../../cli/virtual.ts';
import { Random } from '../../../ebpf/random.ts';
import { VelocityLink } from '../../../link/index.ts';
import { patience } from '../../board/patience.ts';
import { devKey, strangersKey } from '../../board/programs.ts';
import type { Finding, Limit } from '../fuzz.ts';
import { Difference } from './difference.ts';
import { Life } from './life.ts';

export type ModulesTarget = { readonly name: string; readonly doc: string; readonly lives: true };

export const modulesTargets: readonly ModulesTarget[] = [
  {
    name: 'modules',
    doc: 'random installs, canaries, removals, frames, typed lines and map accesses on an emulated board: what it answers and tells is what a model has',
    lives: true,
  },
];

const BOARD = 'qemu-virt';
/** Commands between two starts of the board. */
const LIFE = 400;
const PROGRESS_EVERY = 50;

/** Ends at a limit, by `signal` or at the first difference. */
export const fuzzModules = async (
  target: ModulesTarget,
  { runs = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY, seed = 1 }: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
): Promise<Finding> => {
  const random = new Random(seed);
  const keys = { own: devKey(), stranger: strangersKey() };
  const board = await startBoard(BOARD, say, { clock: 'wall' });
  const done: Record<string, number> = {};
  let commands = 0;
  let report = '';
  const until = performance.now() + 1000 * seconds;
  const isOver = () => signal?.aborted || commands >= runs || performance.now() > until;
  const summary = () =>
    `${commands} commands, seed ${seed}: ${Object.entries(done)
      .sort(([, a], [, b]) => b - a)
      .map(([what, n]) => `${what} ${n}`)
      .join(', ')}`;
  let link: VelocityLink | undefined;
  try {
    link = await VelocityLink.open(board.address, patience);
    while (!isOver()) {
      const life = await Life.begin(link, random, keys);
      for (let left = LIFE; left > 0 && !isOver(); left--) {
        const what = await life.step();
        done[what] = (done[what] ?? 0) + 1;
        if (++commands % PROGRESS_EVERY === 0) say(`${target.name}: ${summary()}`);
      }
      await life.end();
      await link.reset();
      await link.handshake(patience.readyTimeoutMs);
    }
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    report = `${error.message}\nagain: velocity fuzz --target ${target.name} --runs ${commands + 1} --seed ${seed}`;
  } finally {
    await link?.close();
    await board.stop();
  }
  return {
    target: target.name,
    ok: report === '',
    runs: commands,
    features: 0,
    report,
    summary: summary(),
    details: { seed, ...done },
  };
};
