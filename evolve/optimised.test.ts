import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { assemble, compileModule, disassembleText, interpret, loadFunctions, verify } from '../ebpf/index.ts';
import { stopSolver } from '../ebpf/prover/index.ts';
import { findTool, root } from '../firmware/index.ts';
import { optimised, storedOptimised } from './index.ts';
import { machineCodeOf, machineSteps } from './machine-code.ts';
import { program } from './test/sum-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-optimised-'));
test.after.always(() => {
  rmSync(folder, { recursive: true });
  return stopSolver();
});

const keyOf = () => ({ privateKey: generateKeyPairSync('ed25519').privateKey });
const key = keyOf();
const options = { folder, rules: 'these', key };

test.serial('a_loop_is_made_cheaper_and_proven_once', async (t) => {
  const asked: string[] = [];
  const onProposal = (proposer: string) => asked.push(proposer);
  const found = await storedOptimised(program, { ...options, onProposal });
  t.false(found.wasKnown);
  t.true(found.steps.length > 0 && found.steps.every(({ proof }) => /^[0-9a-f]{64}$/.test(proof)));
  t.true(found.gain!.after.executed < found.gain!.before.executed);
  t.true(asked.length > 0);
  asked.length = 0;
  const again = await storedOptimised(program, { ...options, onProposal });
  t.true(again.wasKnown);
  t.deepEqual([again.program.code, again.steps, asked], [found.program.code, found.steps, []]);
});

test.serial('what_another_key_or_other_rules_proved_is_not_taken', async (t) => {
  t.true((await storedOptimised(program, options)).wasKnown);
  t.false((await storedOptimised(program, { ...options, rules: 'those', timeMs: 0 })).wasKnown);
  t.false((await storedOptimised(program, { ...options, key: keyOf(), timeMs: 0 })).wasKnown);
});

test.serial('a_file_that_was_changed_or_cut_is_searched_anew', async (t) => {
  const own = { ...options, rules: 'own', timeMs: 0 };
  await storedOptimised(program, own);
  const [newest] = readdirSync(folder).filter((name) =>
    readFileSync(join(folder, name), 'utf8').includes('"steps":"[]"'),
  );
  t.true((await storedOptimised(program, own)).wasKnown);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, name === newest ? text.slice(0, -9) : text.replace('[', '[ '));
  }
  t.false((await storedOptimised(program, own)).wasKnown);
});

test.serial('a_folder_that_cannot_be_made_costs_only_time', async (t) => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const found = await storedOptimised(program, { ...options, folder: join(file, 'x'), timeMs: 0 });
  t.deepEqual([found.wasKnown, found.program], [false, program]);
});

test.serial('what_the_verifier_refuses_comes_back_as_it_is', async (t) => {
  const bad = { ...program, code: assemble('r0 = *(u64 *)(r0 + 0)\nexit') };
  t.deepEqual(await optimised(bad), { program: bad, steps: [] });
});

const compiling = findTool('clang') ? test.serial : test.serial.skip;
for (const level of ['-O1', '-O2', '-Os'])
  compiling(`functions_that_clang_does_not_inline_at_${level}_are_inlined_and_proven`, async (t) => {
    t.timeout(120_000);
    const object = await compileModule(join(root, 'evolve/testdata/functions.c'), { arguments: [level] });
    for (const made of loadFunctions(object)) {
      if (!('program' in made)) return t.fail(made.error.message);
      const given = await verify(made.program);
      t.true(given.ok && given.certificate.length === 0, made.program.name);
      const { program: faster, steps, gain } = await optimised(made.program);
      const notes = steps.map(({ note }) => note).join(' ');
      t.true(notes.split(' ').includes('inlining'), `${made.program.name}: ${notes}`);
      t.false(/call local/.test(disassembleText(faster.code)), made.program.name);
      const verdict = await verify(faster);
      t.true(verdict.ok && verdict.certificate.length > 0, made.program.name);
      t.true(gain!.after.executed < gain!.before.executed);
      t.log(made.program.name, gain!.before, gain!.after, notes);
    }
  });

test.serial('machine_code_is_counted_turn_by_turn_where_the_compiler_wrote_turns_out', async (t) => {
  const summing = assemble(
    'r2 = 1\nr0 = *(u8 *)(r1 + 0)\nagain:\nr0 += r2\nr2 += 1\nif r2 != 1001 goto again\nexit',
  );
  const run = { ...program, hook: 'run' as const, code: summing, maps: [] };
  const machine = (await machineCodeOf(run, { memorySize: 8 }))!;
  const slots = new Map([0, 1, 2, 3, 4, 5].map((slot) => [slot, slot >= 2 && slot <= 4 ? 1000 : 1]));
  const executed = machineSteps(machine, { slots, vectorInsns: 0 });
  // Ten words for four turns, and five around them (docs/reference/jit-benchmark.md, loop_sum).
  t.true(executed >= 2500 && executed < 2520, `${executed}`);
  t.is((await interpret(summing, new Uint8Array(8))).ok, true);
});
