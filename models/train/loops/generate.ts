/** Makes the loop model's training data, the same each time: `npx tsx models/train/loops/generate.ts FOLDER [FUNCTIONS]`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loopIdOf, loopWords } from '../../loop/vocabulary.ts';
import { writeTokens } from '../dataset.ts';
import { loopPairs } from './corpus.ts';
import { trainedLoops } from './family.ts';
import { heldLoopSets, isHeldMember, SEEDS } from './held.ts';
import type { LoopPair } from './pair.ts';

const write = (folder: string, name: string, pairs: readonly LoopPair[]) => {
  const ids = (words: readonly string[]) => words.map(loopIdOf);
  const tokens = pairs.map(({ question, answer }) => ({ question: ids(question), answer: ids(answer) }));
  writeTokens(folder, name, tokens);
  process.stdout.write(`${name}: ${pairs.length} pairs\n`);
};

const main = async ([folder = 'build/loop-model', functions = '4400']: string[]) => {
  const { valid, unseen, members, known } = await heldLoopSets();
  const train = await loopPairs({
    seed: SEEDS.train,
    families: trainedLoops,
    functions: Number(functions),
    isLeftOut: isHeldMember,
    known,
  });
  for (const [name, pairs] of Object.entries({ valid, unseen, members, train })) write(folder, name, pairs);
  writeFileSync(join(folder, 'words.json'), JSON.stringify(loopWords));
};

if (process.argv[1]?.endsWith('generate.ts')) await main(process.argv.slice(2));
