/** The shipped model for loops, asked through node-llama-cpp, and what becomes of its answers. */
import test from 'ava';
import { hooks } from '../abi/index.ts';
import { assemble, type ModuleProgram } from '../ebpf/index.ts';
import { stopSolver } from '../ebpf/prover/index.ts';
import { resolveModel, SHIPPED_LOOPS } from '../models/index.ts';
import { type Detection, judge, llmProposer, type Proposal } from './index.ts';

const detection: Detection = { rule: 'test', cyclesPerCall: 100, threshold: 50, calls: 64, reason: 'test' };
const memorySize = 64;

const programOf = (text: string): ModuleProgram => ({
  name: 'm',
  section: 'run',
  hook: 'run',
  hookId: hooks.run.id,
  code: assemble(text),
  maps: [],
});

const loop = (turn: string) =>
  programOf(`r0 = 0\n r2 = 0\n again:\n ${turn}\n r1 += 1\n r2 += 1\n if r2 != 27 goto again\n exit`);

/** How many bytes are 42, how many have bit 3, and all of them together by exclusive or. */
const loops = [
  loop('w3 = *(u8 *)(r1 + 0)\n if w3 != 42 goto next\n w0 += 1\n next:'),
  loop('w3 = *(u8 *)(r1 + 0)\n w3 >>= 3\n w3 &= 1\n w0 += w3'),
  loop('w3 = *(u8 *)(r1 + 0)\n w0 ^= w3'),
];

const proposer = llmProposer(resolveModel(SHIPPED_LOOPS)!, { timeoutMs: 120_000 });
test.after.always(() => {
  proposer.stop();
  stopSolver();
});

const proposalsFor = async (program: ModuleProgram): Promise<Proposal[]> => {
  const out: Proposal[] = [];
  for await (const p of proposer.propose({ program, detection, refused: [], memorySize })) out.push(p);
  return out;
};

test('the_shipped_model_does_eight_bytes_a_turn_and_that_is_proven', async (t) => {
  let proven = 0;
  for (const program of loops)
    for (const proposal of await proposalsFor(program)) {
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

test('a_program_without_loops_gets_no_proposal', async (t) => {
  t.deepEqual(await proposalsFor(programOf('r0 = 0\n exit')), []);
});
