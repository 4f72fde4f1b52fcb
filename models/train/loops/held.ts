/** What training never sees: programs of the evaluation, members of families, whole families, and other code. */
import { loopPairs } from './corpus.ts';
import { trainedLoops, unseenLoops } from './family.ts';
import type { LoopSource } from './source.ts';

export const SEEDS = { train: 31, valid: 32, unseen: 33, members: 34 } as const;

/** What programs of the evaluation do: in no pair at all. */
const isEvaluated = ({ family, size, k }: LoopSource): boolean =>
  (family.name === 'count-equal-to-number' && size === 1 && k === 0) ||
  (family.name === 'count-signs-differ-before' && size === 2);

const MEMBERS: ReadonlySet<string> = new Set([
  'count-different-before 4',
  'xor-of-or 1',
  'map-add 2',
  'count-equal 2',
  'count-both-negative-before 1',
]);

/** Members of families whose other members are trained, among them what is evaluated. */
export const isHeldMember = (source: LoopSource): boolean => {
  const { family, size, k } = source;
  return (
    isEvaluated(source) ||
    (family.name === 'count-equal-to-number' && k === 0) ||
    MEMBERS.has(`${family.name} ${size}`)
  );
};

const names = new Set([...MEMBERS].map((m) => m.split(' ')[0]).concat('count-equal-to-number'));

/** Other code of the families that are trained, members of these that are not, and other families. */
export const heldLoopSets = async () => {
  const known = new Set<string>();
  const trained = { families: trainedLoops, isLeftOut: isHeldMember };
  const valid = await loopPairs({ ...trained, seed: SEEDS.valid, functions: 400, known });
  const others = { families: unseenLoops, isLeftOut: isEvaluated };
  const unseen = await loopPairs({ ...others, seed: SEEDS.unseen, functions: 80, known });
  const families = trainedLoops.filter(({ name }) => names.has(name));
  const isLeftOut = (s: LoopSource) => isEvaluated(s) || !isHeldMember(s);
  const members = await loopPairs({ families, isLeftOut, seed: SEEDS.members, functions: 80, known });
  return { valid, unseen, members, known };
};
