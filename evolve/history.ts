/** What the ledger knows of patches: who proposed each, from which telemetry, what proved it, what became of it. */
import { hooks } from '../abi/index.ts';
import type { ModuleProgram } from '../ebpf/index.ts';
import { hexHash, type Judgement, type JudgePolicy, judge } from './judge.ts';
import type { Entry, Ledger } from './ledger.ts';

export type PatchHistory = {
  readonly proposal: Entry;
  /** The detection that it answers. */
  readonly detection: Entry | undefined;
  readonly push: Entry | undefined;
  readonly outcome: Entry | undefined;
};

/** Nothing in the ledger fits what was asked for. */
export class NotInLedgerError extends Error {
  override name = 'NotInLedgerError';
  readonly exit = 'failed';
}

const text = (value: unknown) => (typeof value === 'string' ? value : '');

const programsIn = ({ candidate, parent }: Entry): string => `${candidate} ${parent}`;

/** Of every proposal, oldest first; what became of it is the first that the ledger says of the same programs afterwards. */
export const historiesOf = (ledger: Ledger): PatchHistory[] => {
  const detected = new Map<string, Entry>();
  const followed = new Map<string, Entry>();
  const next = (kind: string, proposal: Entry) => followed.get(`${kind} ${programsIn(proposal)}`);
  const found: PatchHistory[] = [];
  for (const e of ledger.entries().toReversed()) {
    if (e.kind === 'proposal')
      found.push({ proposal: e, detection: undefined, push: next('push', e), outcome: next('outcome', e) });
    else followed.set(`${e.kind} ${programsIn(e)}`, e);
  }
  const histories = new Map(found.map((history) => [history.proposal.seq, history]));
  return ledger.entries().flatMap((e) => {
    if (e.kind === 'detect') detected.set(e.module, e);
    const history = histories.get(e.seq);
    return history ? [{ ...history, detection: detected.get(e.module) }] : [];
  });
};

/** @param wanted sequence number of the proposal's line, or else the start of its candidate's hash @throws NotInLedgerError */
export const historyOf = (ledger: Ledger, wanted: string): PatchHistory => {
  const histories = historiesOf(ledger);
  const history =
    histories.find(({ proposal }) => String(proposal.seq) === wanted) ??
    histories.findLast(({ proposal }) => wanted.length >= 4 && text(proposal.candidate).startsWith(wanted));
  if (history) return history;
  throw new NotInLedgerError(
    `the ledger has no proposal ${wanted}; see \`velocity evolve log\` for those it has`,
  );
};

type StoredMap = Omit<ModuleProgram['maps'][number], 'init'> & { readonly init?: string };
type StoredSetting = Omit<ModuleProgram, 'code' | 'maps' | 'lines'> & { readonly maps: readonly StoredMap[] };

/** The surroundings of a program as the ledger keeps them: all that judging it again needs besides its code. */
export const settingOf = ({ name, section, hook, hookId, maps }: ModuleProgram): StoredSetting => ({
  name,
  section,
  hook,
  hookId,
  maps: maps.map(({ init, ...map }) => ({
    ...map,
    ...(init ? { init: Buffer.from(init).toString('hex') } : {}),
  })),
});

const isMap = (value: unknown): value is StoredMap => {
  const { name, type, keySize, valueSize, maxEntries, flags, init } = (value ?? {}) as Record<
    string,
    unknown
  >;
  const numbers = [type, keySize, valueSize, maxEntries, flags ?? 0];
  return (
    typeof name === 'string' &&
    numbers.every((n) => Number.isInteger(n) && (n as number) >= 0 && (n as number) < 2 ** 32) &&
    ['string', 'undefined'].includes(typeof init)
  );
};

const isSetting = (value: unknown): value is StoredSetting => {
  const { name, section, hook, hookId, maps } = (value ?? {}) as Record<string, unknown>;
  return (
    [name, section, hook].every((field) => typeof field === 'string') &&
    Object.hasOwn(hooks, hook as string) &&
    hookId === hooks[hook as keyof typeof hooks].id &&
    Array.isArray(maps) &&
    maps.every(isMap)
  );
};

const HEX = /^([0-9a-f]{2})*$/;

/** The programs before and after. @throws NotInLedgerError when the line does not hold them, e.g. since it is older than that */
export const programsOf = ({
  proposal,
}: Pick<PatchHistory, 'proposal'>): { before: ModuleProgram; after: ModuleProgram } => {
  const { seq, setting, before, after } = proposal;
  if (!isSetting(setting))
    throw new NotInLedgerError(
      `line ${seq} does not hold what is around its programs; it can not be replayed`,
    );
  if (!HEX.test(text(before)) || !HEX.test(text(after)))
    throw new NotInLedgerError(`line ${seq} does not hold the code of its programs; it can not be replayed`);
  const maps = setting.maps.map(({ init, ...map }) => ({
    ...map,
    ...(init ? { init: new Uint8Array(Buffer.from(init, 'hex')) } : {}),
  }));
  const program = (code: unknown): ModuleProgram => ({
    ...setting,
    maps,
    code: new Uint8Array(Buffer.from(text(code), 'hex')),
  });
  return { before: program(before), after: program(after) };
};

/** A program that the loop made, and the hashes of those that it was made from, the nearest first. */
export type Descent = { readonly program: ModuleProgram; readonly from: readonly string[] };

/** How the loop came to the program of this hash, by what was accepted for this module; undefined when it did not make it. */
export const descentOf = (ledger: Ledger, module: string, hash: string): Descent | undefined => {
  const accepted = ledger.entries(module).filter((e) => e.kind === 'proposal' && e.verdict === 'accepted');
  const makerOf = (candidate: string) => accepted.findLast((e) => e.candidate === candidate);
  const proposal = makerOf(hash);
  if (!proposal?.setting) return undefined;
  const program = programsOf({ proposal }).after;
  if (hexHash(program) !== hash) return undefined;
  const from: string[] = [];
  for (let maker: Entry | undefined = proposal; maker; maker = makerOf(from.at(-1)!)) {
    const parent = text(maker.parent);
    if (from.includes(parent)) break;
    from.push(parent);
  }
  return { program, from };
};

export type Replay = { readonly judgement: Judgement; readonly agrees: boolean };

/** Judges a proposal of the ledger again. It agrees when verdict, layer and the proof's hash are what the ledger says. */
export const replay = async (history: PatchHistory, policy: JudgePolicy = {}): Promise<Replay> => {
  const { before, after } = programsOf(history);
  const { proposal } = history;
  const judgement = await judge(
    before,
    { code: after.code, proposer: text(proposal.proposer), note: '' },
    policy,
  );
  const proof = proposal.proof as { hash?: string } | undefined;
  const agrees =
    judgement.verdict === proposal.verdict &&
    judgement.layer === proposal.layer &&
    judgement.proof?.hash === proof?.hash;
  return { judgement, agrees };
};
