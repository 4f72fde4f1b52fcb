import test from 'ava';
import { hooks } from '../abi/index.ts';
import { assemble, type ModuleProgram } from '../ebpf/index.ts';
import { stopSolver } from '../ebpf/prover/index.ts';
import { resolveModel, SHIPPED } from '../models/index.ts';
import { type Detection, judge, llmProposer, type Proposal } from './index.ts';

test.after.always(() => stopSolver());

const detection: Detection = { rule: 'test', cyclesPerCall: 100, threshold: 50, calls: 64, reason: 'test' };

const programOf = (source: string): ModuleProgram => ({
  name: 'm',
  section: 'timer',
  hook: 'timer',
  hookId: hooks.timer.id,
  code: assemble(source),
  maps: [],
});

const around = (window: string) =>
  programOf(
    `r6 = *(u64 *)(r1 + 0)\n r2 = *(u64 *)(r1 + 8)\n if r6 == 7 goto out\n ${window}\n out: r0 = r6\n exit`,
  );

/** x ^ y as (x | y) - (x & y); zero extension by shifts mixed with a negation by complement. */
const slow = [
  around('r3 = r6\n r3 &= r2\n r6 |= r2\n r6 -= r3\n r6 &= 0xff'),
  around('r6 <<= 32\n r2 ^= -1\n r6 >>= 32\n r2 += 1\n r6 ^= r2'),
];

const proposalsFor = async (program: ModuleProgram): Promise<Proposal[]> => {
  const proposer = llmProposer(resolveModel(SHIPPED)!, { timeoutMs: 120_000, budgetMs: 120_000 });
  const out: Proposal[] = [];
  try {
    for await (const p of proposer.propose({ program, detection, refused: [] })) out.push(p);
  } finally {
    proposer.stop();
  }
  return out;
};

test('the_shipped_model_shortens_code_that_is_then_proven', async (t) => {
  let proven = 0;
  for (const program of slow)
    for (const proposal of await proposalsFor(program)) {
      t.is(proposal.proposer, 'model');
      t.is(proposal.modelHash?.length, 32);
      t.is(proposal.promptHash?.length, 32);
      t.true(proposal.code.length < program.code.length);
      const { verdict, proof } = await judge(program, proposal);
      if (verdict === 'accepted' && proof?.verdict === 'proven') proven++;
    }
  t.true(proven > 0);
});

test('a_program_without_windows_gets_no_proposal', async (t) => {
  t.deepEqual(await proposalsFor(programOf('r0 = 0\n exit')), []);
});
