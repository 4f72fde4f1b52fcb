/** Patches as they go to a board, with what it must answer. */
import { programHash } from '../../../ebpf/index.ts';
import type { Random } from '../../../ebpf/random.ts';
import { signPatch } from '../../../firmware/sign.ts';
import type { Request } from '../../../link/index.ts';
import { type Draft, mistakes, rightDraft, type Start, someDraft } from './draft.ts';
import type { Admission, Hook, Model } from './model.ts';
import { fillingProgram, passingProgram } from './programs.ts';
import { refusalOfEnvelope, refusalOfPlace, refusalOfProgram } from './refusal.ts';

export type Attempt = {
  readonly bytes: Uint8Array;
  readonly options: Request<'install'>;
  /** Name of the status; '' where any refusal will do. */
  readonly expected: string;
  /** It comes as far as its maps, for which memory may be short. */
  readonly takesMaps: boolean;
  readonly sequence: bigint;
  readonly periodUs: number;
  readonly admission: Admission;
  /** In words, for whoever reads what went wrong. */
  readonly what: string;
};

/** Calls that a canary is watched for. */
const WINDOW_DEFAULT = 256;

const inWords = ({ patch, hook, options }: Draft, wrong: readonly string[]): string => {
  const maps = patch.maps.map(({ name }) => name).join(' and ');
  return [
    `install ${patch.name} on ${hook}`,
    ...(patch.parent.length > 0 ? ['a successor'] : []),
    ...(maps ? [`with ${maps}`] : []),
    ...wrong,
    JSON.stringify(options),
  ].join(', ');
};

const admissionOf = ({ patch, hook, program, options }: Draft): Admission => ({
  name: patch.name,
  hook,
  program,
  sha: Buffer.from(programHash(patch.hook, program.code, program.maps)).toString('hex'),
  cores: patch.cores || 1,
  watch: options.canary
    ? { window: options.window ?? WINDOW_DEFAULT, shadow: options.shadow ?? false, calls: 0 }
    : undefined,
});

const signed = (draft: Draft, wrong: readonly string[] = []): Attempt => {
  const { patch, options } = draft;
  const early = refusalOfEnvelope(draft) ?? refusalOfPlace(draft);
  return {
    bytes: signPatch(patch, draft.key),
    options,
    expected: early ?? refusalOfProgram(draft) ?? 'ok',
    takesMaps: early === undefined,
    sequence: patch.sequence,
    periodUs: patch.period_us,
    admission: admissionOf(draft),
    what: inWords(draft, wrong),
  };
};

/** One bit turned round, or the end missing. */
const damaged = (attempt: Attempt, random: Random): Attempt => {
  const { length } = attempt.bytes;
  const bytes = Uint8Array.from(
    attempt.bytes.subarray(0, random.once(4) ? random.below(length - 1) + 1 : length),
  );
  if (bytes.length === length) bytes[random.below(length)]! ^= 1 << random.below(8);
  return { ...attempt, bytes, expected: '', takesMaps: false, what: `${attempt.what}, damaged` };
};

/** Mostly right, or wrong in one way or more. */
export const someAttempt = async (random: Random, model: Model, start: Start): Promise<Attempt> => {
  const draft = await someDraft(random, model, start);
  const wrong: string[] = [];
  while (random.once(4)) {
    const mistake = random.pick(Object.keys(mistakes));
    mistakes[mistake]!(draft, random);
    wrong.push(mistake);
  }
  const attempt = signed(draft, wrong);
  return random.once(20) ? damaged(attempt, random) : attempt;
};

/** The i-th of those that fill the slots of a hook. */
export const crowdingAttempt = (i: number, hook: Hook, model: Model, start: Start): Attempt =>
  signed(rightDraft(model, start, `crowd-${i}`, hook, passingProgram));

/** The i-th of those that fill the memory for maps. */
export const fillingAttempt = (i: number, model: Model, start: Start): Attempt =>
  signed(rightDraft(model, start, `filling-${i}`, 'timer', fillingProgram(i)));
