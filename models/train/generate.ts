/** Makes the training data, the same each time: `npx tsx models/train/generate.ts FOLDER [PAIRS]`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../ebpf/random.ts';
import { words } from '../window/vocabulary.ts';
import { corpusWindows } from './corpus.ts';
import { makeSet, questionText, writeSet } from './dataset.ts';
import { trained, unseen } from './families/index.ts';

export const SEEDS = { trainCorpus: 11, heldCorpus: 12, train: 21, valid: 22, unseen: 23 } as const;
const FILES = { train: 12, held: 3 };
const HELD = 600;

/** Windows and pairs that training never sees: other C files, and families held back. */
export const heldOutSets = async (count = HELD) => {
  const corpus = await corpusWindows(new Random(SEEDS.heldCorpus), FILES.held);
  const valid = makeSet(corpus, new Random(SEEDS.valid), { count, families: trained, sameEvery: 10 });
  const other = makeSet(corpus, new Random(SEEDS.unseen), { count, families: [...unseen], first: unseen });
  return { valid, unseen: other };
};

const main = async ([folder = 'build/model', pairs = '300000']: string[]) => {
  const held = await heldOutSets();
  const without = new Set([...held.valid, ...held.unseen].map(questionText));
  writeSet(folder, 'valid', held.valid);
  writeSet(folder, 'unseen', held.unseen);
  const corpus = await corpusWindows(new Random(SEEDS.trainCorpus), FILES.train);
  const options = { count: Number(pairs), families: trained, sameEvery: 10, without };
  const train = makeSet(corpus, new Random(SEEDS.train), options);
  writeSet(folder, 'train', train);
  writeFileSync(join(folder, 'words.json'), JSON.stringify(words));
  process.stdout.write(`${corpus.length} windows of compiled code, ${train.length} pairs in ${folder}\n`);
};

if (process.argv[1]?.endsWith('generate.ts')) await main(process.argv.slice(2));
