/** What is judged: the verifier's cases for Linux, and what random changes make of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { Random } from '../../../ebpf/random.ts';
import { type Case, codeOf } from '../../verifier/request.ts';
import { composed } from './composed.ts';
import { mutated } from './mutate.ts';
import { assembled, type Piece, piecesOf } from './pieces.ts';
import type { Sample } from './records.ts';

const cases = new URL('../../verifier/cases/', import.meta.url);

/** Linux has a limit of its own for programs that are longer. */
const MOST_SLOTS = 4096;

export const caseSamples = (): Sample[] =>
  readdirSync(cases)
    .filter((file) => file.startsWith('linux-'))
    .sort()
    .flatMap((file) =>
      (parse(readFileSync(new URL(file, cases), 'utf8')) as Case[]).flatMap((c) => {
        const raw = codeOf(c);
        if (c.type === undefined || raw.length / 16 > MOST_SLOTS || raw === '') return [];
        return [{ ...c, type: c.type, raw, name: `${file.replace('.yaml', '')}: ${c.name}` }];
      }),
    );

/** One in so many is made of loops around calls, not of a case. */
const COMPOSED = 8;

type Seed = { readonly sample: Sample; readonly pieces: readonly Piece[] };

const seedsOf = (samples: readonly Sample[]): Seed[] =>
  samples.flatMap((sample) => {
    const pieces = piecesOf(Buffer.from(sample.raw, 'hex'), sample.globals);
    return pieces && sample.notes === undefined ? [{ sample, pieces }] : [];
  });

/** The cases, then programs made of them without end; the same for the same seed. */
export function* samples(seed: number): Generator<Sample, never> {
  const all = caseSamples();
  yield* all;
  const random = new Random(seed);
  const seeds = seedsOf(all);
  const accepted = seeds.filter(({ sample }) => sample.ok); // nearly all that comes of others is refused by both
  for (;;) {
    if (random.once(COMPOSED)) {
      yield composed(random);
      continue;
    }
    const { sample, pieces } = random.pick(random.once(4) ? seeds : accepted);
    const { code, globals } = assembled(mutated(pieces, random.pick(seeds).pieces, random));
    yield { ...sample, raw: Buffer.from(code).toString('hex'), globals, name: `from ${sample.name}` };
  }
}
