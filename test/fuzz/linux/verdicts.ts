/** Holds the verifier for Linux against a Linux that runs: both judge the same programs. */

import type { LinuxKernel } from '../../bench/peers/linux-package.ts';
import { fetchLinux } from '../../bench/peers/linux-package.ts';
import { verifyAll } from '../../verifier/native.ts';
import { requestOf } from '../../verifier/request.ts';
import type { Finding, Limit } from '../fuzz.ts';
import { handedTo } from './attach.ts';
import { Differences, groupText, type Kind, kindOf } from './differences.ts';
import { type KernelTypes, kernelTypes } from './kernel-types.ts';
import { type Complaint, judgedByLinux, type LinuxVerdict } from './machine.ts';
import { Records, type Sample } from './records.ts';
import { samples } from './samples.ts';

export type LinuxTarget = { readonly name: string; readonly doc: string; readonly verdicts: true };

export const linuxTargets: readonly LinuxTarget[] = [
  {
    name: 'linux-verdicts',
    doc: 'the cases for Linux and programs made of them, judged by the verifier and by a Linux that runs in QEMU',
    verdicts: true,
  },
];

/** Programs that one boot judges. */
const BATCH = 8192;

class Totals {
  runs = 0;
  accepted = 0;
  refused = 0;
  /** Linux comes to no verdict, or this kernel lacks a function that they call or attach to, or takes no map like theirs. */
  unjudged = 0;
  readonly complaints = new Set<string>();
  readonly crashes: string[] = [];
  readonly differences = new Differences();
}

/** Linux was called off: it took too long (LONGEST_S in init.c). Or its verifier contradicts itself. */
const NO_VERDICT = [11 /* EAGAIN */, 14 /* EFAULT */];

/** It is accepted when it is at one of the places where such programs attach. */
const best = (verdicts: readonly (LinuxVerdict | undefined)[]): LinuxVerdict | undefined =>
  verdicts.find((v) => v?.errno === 0) ??
  verdicts.find((v) => v !== undefined && !NO_VERDICT.includes(v.errno));

const complaintText = ({ maps }: Records, { what, number, errno, message }: Complaint): string => {
  const m = maps[number];
  if (what !== 'map' || !m) return `types, errno ${errno}: ${message}`;
  return `a map of type ${m.type}, key ${m.keySize}, value ${m.valueSize}, ${m.entries} entries, flags ${m.flags}, errno ${errno}`;
};

const crashText = ({ name, raw }: Sample): string => `Linux crashed at or soon after ${name}: ${raw}`;

/** Returns how many were judged: fewer than all where Linux crashed. */
const judge = async (
  kernel: LinuxKernel,
  types: KernelTypes,
  batch: readonly Sample[],
  totals: Totals,
  signal: AbortSignal | undefined,
): Promise<number> => {
  const records = new Records(types);
  const numbers = batch.map((sample) => records.add(sample));
  const [ours, { verdicts, complaints, crashed }] = await Promise.all([
    verifyAll(
      batch.map((sample) => requestOf({ ...sample, handed: handedTo(sample.type) })),
      'verdicts',
    ),
    judgedByLinux(kernel, records, signal),
  ]);
  for (const complaint of complaints) totals.complaints.add(complaintText(records, complaint));
  const last = crashed === undefined ? -1 : numbers.findIndex((of) => of.some((number) => number >= crashed));
  if (last >= 0) totals.crashes.push(crashText(batch[last]!));
  const judged = last < 0 ? batch : batch.slice(0, last + 1);
  for (const [i, sample] of judged.entries()) {
    const linux = best(numbers[i]!.map((number) => verdicts.get(number)));
    const verifier = ours[i]!;
    totals.runs++;
    if (!linux) {
      totals.unjudged++;
      continue;
    }
    if (linux.errno === 0) totals.accepted++;
    else totals.refused++;
    const kind = kindOf(verifier, linux);
    if (kind) totals.differences.add(kind, { sample, verifier, linux });
  }
  return judged.length;
};

const counted = (n: number) => n.toLocaleString('en');
const sum = (totals: Totals, kind: Kind, known: boolean) =>
  totals.differences
    .groups(kind)
    .filter((group) => (group.known !== undefined) === known)
    .reduce((all, group) => all + group.count, 0);

const detailsOf = (totals: Totals) => ({
  accepted_by_linux: totals.accepted,
  refused_by_linux: totals.refused,
  unjudged: totals.unjudged,
  accepted_unlike_linux: sum(totals, 'accepted', false),
  accepted_unlike_linux_known: sum(totals, 'accepted', true),
  refused_unlike_linux: sum(totals, 'refused', false),
  refused_unlike_linux_known: sum(totals, 'refused', true),
});

const summaryOf = (kernel: LinuxKernel, totals: Totals): string => {
  const d = detailsOf(totals);
  const both = (n: number, known: number) => `${counted(n)} unexplained and ${counted(known)} known`;
  return [
    `${counted(totals.runs)} programs, Linux ${kernel.version} accepts ${counted(d.accepted_by_linux)} and refuses ${counted(d.refused_by_linux)}`,
    `only the verifier accepts ${both(d.accepted_unlike_linux, d.accepted_unlike_linux_known)}`,
    `only Linux accepts ${both(d.refused_unlike_linux, d.refused_unlike_linux_known)}`,
  ].join('; ');
};

/** Ends at a limit or by `signal`. A finding is a program that is accepted and that Linux refuses, for no known reason. */
export const fuzzVerdicts = async (
  target: LinuxTarget,
  limit: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
): Promise<Finding> => {
  const kernel = fetchLinux(say, 'newest');
  const types = kernelTypes(kernel.image);
  const source = samples(limit.seed ?? 1);
  const totals = new Totals();
  const most = limit.runs ?? Number.POSITIVE_INFINITY;
  const end =
    performance.now() + 1000 * (limit.runs === undefined ? (limit.seconds ?? 0) : Number.POSITIVE_INFINITY);
  do {
    const size = Math.min(BATCH, most - totals.runs);
    const batch = Array.from({ length: size }, () => source.next().value);
    for (let left = batch; left.length > 0; )
      left = left.slice(await judge(kernel, types, left, totals, signal));
    say(`${target.name}: ${summaryOf(kernel, totals)}`);
  } while (totals.runs < most && performance.now() < end && !signal?.aborted);
  const dangerous = totals.differences.groups('accepted');
  const refused = totals.differences.groups('refused');
  const unexplained = dangerous.filter((group) => !group.known);
  const rest = [...refused, ...dangerous.filter((group) => group.known)];
  return {
    target: target.name,
    ok: unexplained.length === 0,
    runs: totals.runs,
    features: dangerous.length + refused.length,
    report: unexplained.map(groupText).join('\n'),
    summary: summaryOf(kernel, totals),
    details: detailsOf(totals),
    remarks: [
      ...rest.map(groupText),
      ...[...totals.complaints].map((what) => `Linux refused ${what}`),
      ...totals.crashes,
    ],
  };
};
