import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { bpf } from '../../abi/index.ts';
import { disassembleText } from '../../ebpf/index.ts';
import type { Question } from '../../ebpf/prover/index.ts';
import {
  type Entry,
  historyOf,
  type PatchHistory,
  programsOf,
  readLedger,
  replay,
} from '../../evolve/index.ts';
import { writeChanged } from '../../firmware/write.ts';
import type { Context } from '../context.ts';
import { FileError, OutcomeError } from '../failure.ts';
import { lineDiff } from '../line-diff.ts';

type LedgerOptions = { readonly ledger: string };
type ReplayOptions = LedgerOptions & { readonly questions?: string };

/** What is asked of a ledger that is not there would look as if nothing had ever happened. @throws FileError, LedgerError */
const open = ({ ledger }: LedgerOptions) => {
  if (existsSync(ledger)) return readLedger(ledger);
  throw new FileError(
    ledger,
    'there is no ledger',
    '`velocity evolve FILE` writes one; --ledger names another',
  );
};

const short = (hash: unknown) => String(hash ?? '').slice(0, 12);

const gained = (e: Entry) =>
  e.cycles_before === undefined ? '' : `, ${e.cycles_before} → ${e.cycles_after} cycles a call`;

const summaries: Readonly<Record<string, (e: Entry) => string>> = {
  detect: (e) => `${e.reason}`,
  proposal: (e) => `${short(e.candidate)} by ${e.proposer}: ${e.verdict} (${e.layer}: ${e.reason})`,
  push: (e) => `${short(e.candidate)} as version ${e.version}`,
  outcome: (e) => `${short(e.candidate)} ${e.verdict}: ${e.reason}${gained(e)}`,
  rest: (e) => `${e.reason}`,
};

const lineOf = (e: Entry) =>
  `${String(e.seq).padStart(5)}  ${e.time.slice(0, 19)}  ${e.module.padEnd(16)} ${e.kind.padEnd(8)} ${summaries[e.kind]?.(e) ?? ''}`;

/** What is shown of an entry to programs: all of it but the code and the patch, which `diff` and `replay` read. */
const plain = ({ before: _b, after: _a, patch: _p, setting: _s, ...rest }: Entry) => rest;

const show = ({ output }: Context, h: PatchHistory) => {
  const { proposal, detection, push, outcome } = h;
  const proof = proposal.proof as { verdict: string; hash: string; queries: number; ms: number } | undefined;
  const lines = [
    `${proposal.module}: ${short(proposal.candidate)} replaces ${short(proposal.parent)}`,
    detection
      ? `telemetry  line ${detection.seq}: ${detection.reason} (${detection.rule})`
      : 'telemetry  none: it was proposed by hand',
    `proposed   line ${proposal.seq} by ${proposal.proposer}: ${proposal.note}`,
    `judged     ${proposal.verdict} by the layer ${proposal.layer}: ${proposal.reason}`,
    ...(proof
      ? [`proof      ${proof.verdict}, ${proof.queries} queries, ${proof.ms} ms, ${proof.hash}`]
      : []),
    ...(push ? [`pushed     line ${push.seq} as version ${push.version}`] : []),
    ...(outcome
      ? [`outcome    line ${outcome.seq}: ${outcome.verdict}: ${outcome.reason}${gained(outcome)}`]
      : []),
  ];
  const entries = [detection, proposal, push, outcome].filter((e) => e !== undefined).map(plain);
  output.fact({ event: 'patch', entries }, lines.join('\n'));
};

const diff = ({ output }: Context, h: PatchHistory) => {
  const { before, after } = programsOf(h);
  const text = (code: Uint8Array) =>
    code.length % bpf.INSN_BYTES !== 0
      ? [`${code.length} bytes, which are no program`]
      : disassembleText(code, { labels: true, helperNames: true }).trimEnd().split('\n');
  const lines = lineDiff(text(before.code), text(after.code));
  output.fact(
    { event: 'diff', module: h.proposal.module, candidate: h.proposal.candidate, lines },
    lines.join('\n'),
  );
};

/** Each question of the proof in a file of its own, in SMT-LIB 2, with the answer it got: another solver can be asked. */
const keepQuestions = (folder: string, questions: readonly Question[]) => {
  questions.forEach(({ script, answer }, i) => {
    const name = `${String(i + 1).padStart(4, '0')}.smt2`;
    const text = `; expected: ${answer} (unsat: no input shows a difference)\n${script}`;
    writeChanged(join(folder, name), Buffer.from(text));
  });
};

const again = async ({ output }: Context, h: PatchHistory, { questions: folder }: ReplayOptions) => {
  const questions: Question[] = [];
  const { judgement, agrees } = await replay(h, folder ? { onQuestion: (q) => questions.push(q) } : {});
  const { verdict, layer, reason, proof } = judgement;
  if (folder) keepQuestions(folder, questions);
  output.fact(
    {
      event: 'replay',
      agrees,
      verdict,
      layer,
      reason,
      proof_hash: proof?.hash,
      ...(folder ? { questions: questions.length } : {}),
    },
    `${agrees ? 'the same as in the ledger' : 'NOT what the ledger says'}: ${verdict} by the layer ${layer}: ${reason}${folder ? `; ${questions.length} questions in ${folder}` : ''}`,
  );
  if (!agrees) throw new OutcomeError('failed', 'judged again, the proposal is not what the ledger says');
};

/** `velocity evolve log|show|diff|replay`: what the loop did, from its ledger; --ledger is an option of `evolve` itself. */
export const registerEvolveHistory = (evolve: Command, context: Context): void => {
  evolve
    .command('log')
    .description('list what the loop did: detections, proposals, patches and what became of them')
    .option('--module <name>', 'only this module')
    .addHelpText('after', '\nExample:\n  velocity evolve log --module fir')
    .action((_own: unknown, command: Command) => {
      const options = command.optsWithGlobals<LedgerOptions & { module?: string }>();
      for (const e of open(options).entries(options.module))
        context.output.fact({ event: 'entry', ...plain(e) }, lineOf(e));
    });
  const onPatch = (
    name: string,
    doc: string,
    act: (c: Context, h: PatchHistory, options: ReplayOptions) => unknown,
  ): Command =>
    evolve
      .command(name)
      .description(doc)
      .argument('<patch>', 'line of the proposal in the log, or the start of its hash')
      .addHelpText('after', `\nExample:\n  velocity evolve ${name} 2`)
      .action(async (patch: string, _own: unknown, command: Command) => {
        const options = command.optsWithGlobals<ReplayOptions>();
        await act(context, historyOf(open(options), patch), options);
      });
  onPatch('show', 'explain one patch: from which telemetry, by whom, what proved it, what it gained', show);
  onPatch('diff', 'show the instructions that one patch changes', diff);
  onPatch('replay', 'judge one proposal again and compare with the ledger', again).option(
    '--questions <folder>',
    'keep each question of its proof there, as SMT-LIB 2 with its answer, for other solvers',
  );
};
