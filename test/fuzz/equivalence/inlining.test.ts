/** Random C with functions of its own: put in place of their calls, they do the same, and what calls nothing has a certificate. */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { type Host, loadHost, type ModuleProgram, Reference } from '../../../ebpf/index.ts';
import { decodeProgram } from '../../../ebpf/instruction.ts';
import { applyRule } from '../../../ebpf/optimiser/index.ts';
import { Random } from '../../../ebpf/random.ts';
import { findTool, root } from '../../../firmware/index.ts';
import { CPUS, clangPrograms, firstTaken } from '../c-programs.ts';
import { sourceText } from '../c-source.ts';
import { seenOf, sizeOf } from './pair.ts';

const it = findTool('clang') ? test.serial : test.serial.skip;

const INPUTS = 24;
const FUNCTIONS = 24;
const BATCHES = 12;
/** Of programs whose states the search for certificates can join: loops that need more of them have none, with calls or without. */
const CERTIFIED = 0.9;

const callsItself = ({ code }: ModuleProgram) =>
  decodeProgram(code).some((i) => i.kind === 'call' && i.form === 'local');

const batch = (from: number) =>
  firstTaken(from, async (seed) => {
    const random = new Random(seed);
    const cpu = random.pick(CPUS);
    const text = sourceText(random, FUNCTIONS, { atomics: cpu > 'v2', globals: random.once(2), calls: 40 });
    return { seed, programs: await clangPrograms(text, cpu, random, `${root}/build/fuzz/inlining`) };
  });

const isSame = (host: Host, before: ModuleProgram, after: ModuleProgram): boolean => {
  const reference = new Reference(host, before, { ...sizeOf(before), seed: 1 });
  return Array.from({ length: INPUTS }, (_, i) => reference.trial(i).input).every((input) =>
    isDeepStrictEqual(seenOf(host, before, input), seenOf(host, after, input)),
  );
};

it('functions_in_place_of_their_calls_do_the_same_and_get_certificates', async (t) => {
  t.timeout(600_000);
  const host = await loadHost();
  const counts = { programs: 0, certifiedBefore: 0, inlined: 0, certifiedAfter: 0 };
  for (let from = 1, n = 0; n < BATCHES; n++) {
    const { seed, programs } = await batch(from);
    from = seed + 1;
    for (const program of programs.filter(callsItself)) {
      const before = host.verify(program, sizeOf(program));
      if (!before.ok) continue;
      counts.programs++;
      counts.certifiedBefore += Number(before.certificate.length > 0);
      const code = applyRule(program.code, 'inlining', program);
      if (!code) continue;
      const made = { ...program, code };
      const after = host.verify(made, sizeOf(program));
      const which = `seed ${seed}, ${program.name}`;
      t.true(after.ok, `${which}: ${after.ok || after.error.message}`);
      t.true(isSame(host, program, made), which);
      counts.inlined += Number(!callsItself(made));
      counts.certifiedAfter += Number(after.ok && after.certificate.length > 0);
    }
  }
  t.log(counts);
  t.is(counts.certifiedBefore, 0);
  t.true(counts.inlined > 30);
  t.true(counts.certifiedAfter > CERTIFIED * counts.programs);
});
