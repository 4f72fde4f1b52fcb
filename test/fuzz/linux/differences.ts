/** Where the verifier and Linux differ, grouped by what they say; known differences are data, each with its reason. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { disassembleText } from '../../../ebpf/index.ts';
import type { Verdict } from '../../verifier/native.ts';
import type { LinuxVerdict } from './machine.ts';
import type { Sample } from './records.ts';

/** `accepted`: by the verifier and not by Linux, the dangerous kind. `refused`: the other way round. */
export type Kind = 'accepted' | 'refused';

export type Known = {
  readonly kind: Kind;
  /** Patterns that what Linux says, or what the verifier says with its code before it, must fit. */
  readonly linux?: string;
  readonly verifier?: string;
  /** Program types. */
  readonly types?: readonly string[];
  /** A pattern in the program's text. */
  readonly text?: string;
  readonly reason: string;
};

export type Group = {
  readonly kind: Kind;
  readonly says: string;
  readonly known?: Known;
  count: number;
  smallest: Difference;
};

export type Difference = {
  readonly sample: Sample;
  readonly verifier: Verdict;
  readonly linux: LinuxVerdict;
};

const file = new URL('known.yaml', import.meta.url);
export const knownDifferences = (): Known[] => parse(readFileSync(file, 'utf8')) as Known[];

export const textOf = (sample: Sample): string => {
  try {
    return disassembleText(Buffer.from(sample.raw, 'hex'));
  } catch {
    return sample.raw;
  }
};

/** The same for registers, numbers and states that differ. */
const general = (text: string) =>
  text
    .replace(/0x[0-9a-f]+/g, '#')
    .replace(/\b[Rr]\d+/g, 'R#')
    .replace(/-?\d+/g, '#');

const saidBy = (verdict: Verdict) => `${verdict.code} ${verdict.message}`.trim();

export const kindOf = (verifier: Verdict, linux: LinuxVerdict): Kind | undefined => {
  if ((verifier.code === 'ok') === (linux.errno === 0)) return undefined;
  return verifier.code === 'ok' ? 'accepted' : 'refused';
};

const fits = (known: Known, kind: Kind, d: Difference): boolean =>
  known.kind === kind &&
  (known.types === undefined || known.types.includes(d.sample.type)) &&
  (known.linux === undefined || new RegExp(known.linux).test(d.linux.message)) &&
  (known.verifier === undefined || new RegExp(known.verifier).test(saidBy(d.verifier))) &&
  (known.text === undefined || new RegExp(known.text, 'm').test(textOf(d.sample)));

export class Differences {
  readonly #groups = new Map<string, Group>();
  readonly #known: readonly Known[];

  constructor(known: readonly Known[] = knownDifferences()) {
    this.#known = known;
  }

  add(kind: Kind, difference: Difference): void {
    const known = this.#known.find((k) => fits(k, kind, difference));
    const says =
      kind === 'accepted'
        ? general(difference.linux.message || `errno ${difference.linux.errno}`)
        : general(saidBy(difference.verifier));
    const key = known ? `known ${this.#known.indexOf(known)}` : `${kind} ${says}`;
    const group = this.#groups.get(key);
    if (!group) {
      this.#groups.set(key, { kind, says, ...(known ? { known } : {}), count: 1, smallest: difference });
      return;
    }
    group.count++;
    if (difference.sample.raw.length < group.smallest.sample.raw.length) group.smallest = difference;
  }

  /** Of one kind, the unexplained first, the commonest first. */
  groups(kind: Kind): Group[] {
    return [...this.#groups.values()]
      .filter((group) => group.kind === kind)
      .sort((a, b) => Number(a.known !== undefined) - Number(b.known !== undefined) || b.count - a.count);
  }
}

const indented = (text: string) => text.trimEnd().replace(/^/gm, '    ');

/** A group, for people. */
export const groupText = ({ kind, says, known, count, smallest }: Group): string => {
  const { sample, verifier, linux } = smallest;
  const maps = sample.maps ? `, maps ${sample.maps.join(', ')}` : '';
  const head = known ? `${count} ${kind}, known: ${known.reason}` : `${count} ${kind}: ${says}`;
  if (known) return head;
  const globals = Object.entries(sample.globals ?? {}).map(([slot, takes]) => ` global at ${slot}: ${takes}`);
  return [
    head,
    `  ${sample.name} (${sample.type}${sample.sleeps ? ', sleeps' : ''}${maps})${globals.join()}`,
    `  verifier: ${saidBy(verifier)}${verifier.code === 'ok' ? '' : ` at ${verifier.insn}`}`,
    `  Linux: errno ${linux.errno}${linux.slot === undefined ? '' : ` at ${linux.slot}`} ${linux.message}`,
    indented(textOf(sample)),
  ].join('\n');
};
