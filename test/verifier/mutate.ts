/**
 * Mutates each operator of the scalar domain and counts how many mutants its check notices. Takes about a second a mutant.
 * usage: tsx test/verifier/mutate.ts [every Nth mutant, default 1] [elements, default 150]
 */
import { allMutants, type Fate, fateOf, soundOutput } from './mutants.ts';

const [step, elements] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 150)];
const sound = await soundOutput(elements);
const mutants = (await allMutants()).filter((_, i) => i % step === 0);
const fates: Record<Fate, number> = { killed: 0, survived: 0, invalid: 0 };
for (const mutant of mutants) {
  const fate = await fateOf(mutant, sound, elements);
  fates[fate]++;
  if (fate === 'survived')
    console.log(`survived: ${mutant.file}:${mutant.line}: ${mutant.before}\n      as: ${mutant.after}`);
}
console.log(JSON.stringify({ mutants: mutants.length, step, elements, ...fates }));
