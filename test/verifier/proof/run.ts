/**
 * Proves the operators of the scalar domain at full width and prints a line for each, then the totals. Minutes to an hour.
 * usage: tsx test/verifier/proof/run.ts [pattern, default all] [seconds for each part of a claim, default 120]
 */
import { stopSolver } from '../../../ebpf/prover/index.ts';
import { compileOperators, prove, type Verdict } from './prove.ts';

const [pattern, seconds] = [new RegExp(process.argv[2] ?? ''), Number(process.argv[3] ?? 120)];
const totals: Record<Verdict, number> = { proven: 0, refuted: 0, unknown: 0 };
for (const [name, code] of await compileOperators()) {
  if (!pattern.test(name)) continue;
  const proof = await prove(name, code, seconds * 1000);
  totals[proof.verdict]++;
  console.log(JSON.stringify(proof));
}
console.log(JSON.stringify({ seconds_a_part: seconds, ...totals }));
stopSolver();
process.exitCode = totals.refuted > 0 ? 1 : 0;
