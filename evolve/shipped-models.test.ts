/** The shipped models, asked through node-llama-cpp, and what becomes of their answers. */
import test from 'ava';
import { hooks } from '../abi/index.ts';
import { assemble, type ModuleProgram } from '../ebpf/index.ts';
import { stopSolver } from '../ebpf/prover/index.ts';
import { EngineProcess, type ModelSettings, resolveModel, SHIPPED, SHIPPED_LOOPS } from '../models/index.ts';
import { type Detection, judge, llmProposer, type Proposal } from './index.ts';

const detection: Detection = { rule: 'test', cyclesPerCall: 100, threshold: 50, calls: 64, reason: 'test' };
const memorySize = 64;

const programOf = (source: string): ModuleProgram => ({
  name: 'm',
  section: 'run',
  hook: 'run',
  hookId: hooks.run.id,
  code: assemble(source),
  maps: [],
});

const around = (window: string) =>
  programOf(
    `r6 = *(u64 *)(r1 + 0)\n r2 = *(u64 *)(r1 + 8)\n if r6 == 7 goto out\n ${window}\n out: r0 = r6\n exit`,
  );

const loop = (turn: string) =>
  programOf(`r0 = 0\n r2 = 0\n again:\n ${turn}\n r1 += 1\n r2 += 1\n if r2 != 27 goto again\n exit`);

/** Programs that each model has something to say to. */
const models = {
  /** x ^ y as (x | y) - (x & y); zero extension by shifts mixed with a negation by complement. */
  windows: {
    path: SHIPPED,
    programs: [
      around('r3 = r6\n r3 &= r2\n r6 |= r2\n r6 -= r3\n r6 &= 0xff'),
      around('r6 <<= 32\n r2 ^= -1\n r6 >>= 32\n r2 += 1\n r6 ^= r2'),
    ],
  },
  /** How many bytes are 42, how many have bit 3, and all of them together by exclusive or. */
  loops: {
    path: SHIPPED_LOOPS,
    programs: [
      loop('w3 = *(u8 *)(r1 + 0)\n if w3 != 42 goto next\n w0 += 1\n next:'),
      loop('w3 = *(u8 *)(r1 + 0)\n w3 >>= 3\n w3 &= 1\n w0 += w3'),
      loop('w3 = *(u8 *)(r1 + 0)\n w0 ^= w3'),
    ],
  },
} as const;

const noted: string[] = [];

/** One process for all tests of this file; what it is asked to load is noted. */
class NotingProcess extends EngineProcess {
  override load(settings: ModelSettings, timeoutMs: number): Promise<void> {
    noted.push(settings.path);
    return super.load(settings, timeoutMs);
  }
}

const options = { timeoutMs: 120_000, budgetMs: 120_000, process: new NotingProcess() };
test.after.always(() => {
  options.process.stop();
  stopSolver();
});

const proposalsFor = async (path: string, program: ModuleProgram): Promise<Proposal[]> => {
  const out: Proposal[] = [];
  const context = { program, detection, refused: [], memorySize };
  for await (const p of llmProposer(resolveModel(path)!, options).propose(context)) out.push(p);
  return out;
};

for (const [kind, { path, programs }] of Object.entries(models))
  test.serial(`the_shipped_model_for_${kind}_makes_programs_faster_and_that_is_proven`, async (t) => {
    let proven = 0;
    for (const program of programs)
      for (const proposal of await proposalsFor(path, program)) {
        t.is(proposal.proposer, 'model');
        t.is(proposal.modelHash?.length, 32);
        t.is(proposal.promptHash?.length, 32);
        const { verdict, proof, before, after } = await judge(program, proposal, { memorySize });
        if (verdict !== 'accepted' || proof?.verdict !== 'proven') continue;
        t.true(after!.steps! < before!.steps!);
        proven++;
      }
    t.true(proven > 0);
  });

test.serial('a_program_with_neither_windows_nor_loops_gets_no_proposal', async (t) => {
  for (const { path } of Object.values(models))
    t.deepEqual(await proposalsFor(path, programOf('r0 = 0\n exit')), []);
});

test.serial('warming_loads_all_that_ships', async (t) => {
  noted.length = 0;
  llmProposer(resolveModel(SHIPPED)!, options).warm();
  t.deepEqual(noted.sort(), [SHIPPED, SHIPPED_LOOPS].sort());
});
