import test from 'ava';
import { compileModule, loadHost, loadObject, type ModuleProgram } from '../index.ts';
import { proveEquivalent, stopSolver } from '../prover/index.ts';
import { optimise } from './index.ts';

test.after.always(() => stopSolver());

const file = (path: string) => new URL(path, import.meta.url).pathname;

/** Best candidate that is proven in time: accepted by the verifier, and with a worst case at least this much shorter. */
const improves = async (t: import('ava').ExecutionContext, program: ModuleProgram, factor: number) => {
  const host = await loadHost();
  const { hook, maps, code } = program;
  const facts = (some: Uint8Array) => {
    const verdict = host.verify({ ...program, code: some });
    return verdict.ok ? verdict.facts.flags : undefined;
  };
  const check = (some: Uint8Array) => host.verify({ ...program, code: some }).ok;
  const before = host.verify(program);
  t.true(before.ok);
  for (const { code: made } of optimise(code, { maps, facts, check }).slice(0, 4)) {
    const after = host.verify({ ...program, code: made });
    const proof = await proveEquivalent(code, made, { hook, maps });
    t.not(proof.verdict, 'different', proof.reason);
    if (!before.ok || !after.ok || proof.verdict !== 'proven') continue;
    t.log(
      `${before.bound} → ${after.bound} instructions, proven in ${proof.ms} ms with ${proof.queries} queries`,
    );
    t.true(before.bound >= after.bound * factor, `${before.bound} → ${after.bound}`);
    return;
  }
  t.fail('none of the four best candidates is proven');
};

const loops = ['checksum', 'crc32', 'fnv', 'mean', 'largest', 'count', 'smooth', 'parity', 'scratch'];

for (const name of loops)
  test.serial(`loop in C: ${name}`, async (t) => {
    const object = loadObject(await compileModule(file('testdata/loops.c')), { name: 'loops' });
    await improves(t, object.programs.find((p) => p.name === name)!, 1.3);
  });

const modules: Record<string, number> = {
  fir: 2.5,
  gemv: 2.5,
  'udp-filter': 1.25,
  fibonacci: 1.3,
  histogram: 1.05,
};

for (const [name, factor] of Object.entries(modules))
  test.serial(`example module: ${name}`, async (t) => {
    const object = loadObject(await compileModule(file(`../../modules/${name}/${name}.c`)), { name });
    await improves(t, object.programs[0]!, factor);
  });
