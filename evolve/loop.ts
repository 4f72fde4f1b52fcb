/** The loop: detect → propose → prove → push → watch → rollback. The board takes back what does not pay; the loop learns of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bpf, statusOf } from '../abi/index.ts';
import { certificateOf, type ModuleProgram } from '../ebpf/index.ts';
import { keyId, type SigningKey } from '../firmware/sign.ts';
import { firstAccepted, type Tried, triedIn } from './ask.ts';
import { type BoardEvent, type BoardPort, buildPatch, type InstallOptions } from './board.ts';
import type { Detection } from './detect.ts';
import { type EventListener, type LoopEvent, proposalEvent } from './event.ts';
import { settingOf } from './history.ts';
import { hexHash, type Judgement, type JudgePolicy, judge } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { type Proposal, type Proposer, ProposerError } from './proposer.ts';
import type { Schedule } from './schedule.ts';

/** A module on a board, and the program that the host knows to be running there. */
export type Target = {
  /** Name on the board. */
  readonly name: string;
  readonly program: ModuleProgram;
};

export type LoopOptions = {
  readonly board: BoardPort;
  readonly ledger: Ledger;
  readonly key: SigningKey;
  readonly proposers: readonly Proposer[];
  readonly onEvent?: EventListener;
  readonly policy?: JudgePolicy;
  /** Proposals judged for one detection, over all proposers; default 12. */
  readonly attempts?: number;
  /** How the board watches a canary; the board's defaults where absent. */
  readonly canary?: Pick<InstallOptions, 'window' | 'ratio' | 'shadow'>;
  /** Longest wait for the board's verdict on a canary, in ms; default 30,000. */
  readonly watchTimeoutMs?: number;
  /** When to work, and on what it is worth it; default: always, on whatever a rule finds slow. */
  readonly schedule?: Schedule;
  readonly signal?: AbortSignal;
};

export type Attempt =
  | { readonly outcome: 'refused'; readonly judgement: Judgement }
  | { readonly outcome: 'refused_by_board'; readonly reason: string }
  | {
      readonly outcome: 'promoted' | 'rolled_back';
      readonly event: BoardEvent;
      readonly program: ModuleProgram;
    }
  | { readonly outcome: 'unwatched'; readonly program: ModuleProgram };

/** The host's copy of a program is not what the board runs. */
export class WrongVersionError extends Error {
  override name = 'WrongVersionError';
  readonly exit = 'failed';
}

const WATCH_POLL_MS = 20;
/** Ratio, in thousandths, at which a canary may cost what its predecessor does. */
const WHOLE = 1000;

/** Share of a module's cycles that what stayed on the board saves, as the board measured it. */
const savedBy = (attempts: readonly Attempt[]): number => {
  const left = attempts.reduce((share, a) => {
    if (a.outcome !== 'promoted' || a.event.before === 0n) return share;
    return (share * Number(a.event.after)) / Number(a.event.before);
  }, 1);
  return Math.max(0, 1 - left);
};

const triedBy = (attempt: Attempt | undefined): Tried => {
  if (!attempt) return 'skipped';
  if (attempt.outcome === 'refused') return triedIn(attempt.judgement);
  return attempt.outcome === 'promoted' || attempt.outcome === 'unwatched' ? 'accepted' : 'refused';
};

export class Loop {
  readonly #o: LoopOptions;

  constructor(options: LoopOptions) {
    this.#o = options;
  }

  #emit(event: LoopEvent): void {
    this.#o.onEvent?.(event);
  }

  /**
   * Works on one module: asks each proposer in turn, until one of its proposals stays on the board; the next proposer starts
   * from there. Ends when all were asked or the attempts are used up.
   * Returns the target as it runs afterwards.
   */
  async improve(
    target: Target,
    detection: Detection,
  ): Promise<{ target: Target; attempts: readonly Attempt[] }> {
    const version = (await this.#running(target)).version;
    this.#emit({ event: 'detect', module: target.name, version, ...detection });
    this.#o.ledger.append('detect', target.name, { version, ...detection });
    const attempts: Attempt[] = [];
    const { schedule } = this.#o;
    const resting = schedule?.rests(target.name, detection.cyclesPerSecond ?? Number.POSITIVE_INFINITY);
    if (resting !== undefined) {
      this.#rest(target, resting);
      return { target, attempts };
    }
    schedule?.begin();
    let current = target;
    for (const proposer of this.#o.proposers)
      current = (await this.#askOne(current, detection, proposer, attempts)) ?? current;
    if (current === target)
      this.#rest(target, attempts.length === 0 ? 'nobody has a proposal' : 'no proposal was better');
    schedule?.note(target.name, savedBy(attempts));
    return { target: current, attempts };
  }

  #rest(target: Target, reason: string): void {
    this.#emit({ event: 'rest', module: target.name, reason });
    this.#o.ledger.append('rest', target.name, { reason });
  }

  /** The target as improved by this proposer; undefined when none of its proposals stayed. */
  async #askOne(
    target: Target,
    detection: Detection,
    proposer: Proposer,
    attempts: Attempt[],
  ): Promise<Target | undefined> {
    const limit = this.#o.attempts ?? 12;
    const refused = attempts.flatMap((a) => (a.outcome === 'refused' ? [a.judgement.reason] : []));
    const context = {
      program: target.program,
      detection,
      refused,
      ...(this.#o.signal ? { signal: this.#o.signal } : {}),
    };
    const tryOne = async (proposal: Proposal) => {
      const attempt = await this.attempt(target, proposal);
      if (attempt) attempts.push(attempt);
      return triedBy(attempt);
    };
    const limits = { attempts: limit - attempts.length, isOver: () => this.#o.signal?.aborted === true };
    try {
      const stayed = await firstAccepted(proposer.propose(context), tryOne, limits);
      if (stayed) return { ...target, program: { ...target.program, code: stayed.code } };
    } catch (error) {
      if (error instanceof ProposerError) this.#rest(target, `${proposer.name}: ${error.message}`);
      else throw error;
    }
    return undefined;
  }

  /**
   * Judges one proposal and, when it passes, pushes it as a canary and waits for the board's verdict.
   * Nothing is done, and undefined returned, when this was refused or taken back before.
   * @param policy replaces parts of the loop's policy for this one, e.g. to let a slower program reach the board.
   */
  async attempt(target: Target, proposal: Proposal, policy: JudgePolicy = {}): Promise<Attempt | undefined> {
    const candidate: ModuleProgram = { ...target.program, code: proposal.code };
    const ids = { parent: hexHash(target.program), candidate: hexHash(candidate) };
    if (this.#o.ledger.refusal(ids.parent, ids.candidate) !== undefined) return undefined;
    const mustRunFaster = (this.#o.canary?.ratio ?? WHOLE) < WHOLE;
    const judgement = await judge(target.program, proposal, { mustRunFaster, ...this.#o.policy, ...policy });
    const head = {
      module: target.name,
      proposer: proposal.proposer,
      note: proposal.note,
      candidate: ids.candidate,
      slots: proposal.code.length / bpf.INSN_BYTES,
    };
    const event = proposalEvent(head, judgement);
    const { modelHash, promptHash } = proposal;
    const origin = {
      modelHash,
      promptHash,
      before: target.program.code,
      after: proposal.code,
      setting: settingOf(target.program),
    };
    this.#o.ledger.append('proposal', target.name, {
      ...event,
      ...ids,
      ...origin,
      counterexample: judgement.proof?.counterexample,
    });
    this.#emit(event);
    if (judgement.verdict === 'refused') return { outcome: 'refused', judgement };
    return this.#push(target, proposal, candidate, judgement, ids);
  }

  /** What the board runs under this name. @throws WrongVersionError when it is not the target's program */
  async #running(target: Target) {
    const running = await this.#o.board.module(target.name);
    if (!running) throw new WrongVersionError(`the board has no module ${target.name}; load it first`);
    const sha = Buffer.from(running.sha).toString('hex');
    if (sha !== hexHash(target.program))
      throw new WrongVersionError(
        `${target.name} on the board is ${sha.slice(0, 12)}, not ${hexHash(target.program).slice(0, 12)}; load it again`,
      );
    return running;
  }

  async #push(
    target: Target,
    proposal: Proposal,
    program: ModuleProgram,
    judgement: Judgement,
    ids: { parent: string; candidate: string },
  ): Promise<Attempt> {
    const { board, key, canary = {} } = this.#o;
    const running = await this.#running(target);
    const patch = buildPatch(
      {
        name: target.name,
        program,
        parent: running.sha,
        sequence: (await board.sequence(keyId(key.publicKey))) + 1n,
        boardClass: await board.boardClass(),
        boot: await board.boot(),
        certificate: await certificateOf(program),
        bound: BigInt(judgement.after?.bound ?? 0),
        proposer: proposal.proposer,
        modelHash: proposal.modelHash,
        promptHash: proposal.promptHash,
        proofHash: Buffer.from(judgement.proof?.hash ?? '', 'hex'),
        assurance: judgement.assurance,
        cores: running.cores,
      },
      key,
    );
    const since = await this.#newestEvent();
    let installed: Awaited<ReturnType<BoardPort['install']>>;
    try {
      installed = await board.install(patch, { canary: true, ...canary });
    } catch (error) {
      if (!(error instanceof Error) || !('status' in error)) throw error;
      const reason = error.message;
      this.#o.ledger.append('outcome', target.name, { ...ids, verdict: 'refused', reason });
      return { outcome: 'refused_by_board', reason };
    }
    const { version, insns, bound, jit_bytes } = installed;
    this.#o.ledger.append('push', target.name, { ...ids, version, proof: judgement.assurance, patch });
    const { proposer } = proposal;
    this.#emit({
      event: 'swap',
      module: target.name,
      version,
      proposer,
      canary: true,
      insns,
      bound,
      jit_bytes,
    });
    return this.#watch(target, program, version, since, ids);
  }

  async #newestEvent(): Promise<bigint> {
    let seq = 0n;
    for await (const event of this.#o.board.events(0n)) seq = event.seq;
    return seq;
  }

  async #watch(
    target: Target,
    program: ModuleProgram,
    version: number,
    since: bigint,
    ids: { parent: string; candidate: string },
  ): Promise<Attempt> {
    const deadline = performance.now() + (this.#o.watchTimeoutMs ?? 30_000);
    for (
      let last = since;
      performance.now() < deadline && !this.#o.signal?.aborted;
      await sleep(WATCH_POLL_MS)
    ) {
      for await (const event of this.#o.board.events(last)) {
        last = event.seq;
        if (event.name !== target.name || event.version !== version) continue;
        if (event.kind === 'promoted' || event.kind === 'rolled_back')
          return this.#settle(target, program, event, event.kind, ids);
      }
    }
    this.#o.ledger.append('outcome', target.name, {
      ...ids,
      verdict: 'unwatched',
      reason: 'no verdict in time',
    });
    return { outcome: 'unwatched', program };
  }

  #settle(
    target: Target,
    program: ModuleProgram,
    event: BoardEvent,
    outcome: 'promoted' | 'rolled_back',
    ids: { parent: string; candidate: string },
  ): Attempt {
    const { name: reason, sentence } = statusOf(event.reason);
    const cycles = { cycles_before: event.before, cycles_after: event.after };
    const { version } = event;
    this.#o.ledger.append('outcome', target.name, { ...ids, verdict: outcome, reason, version, ...cycles });
    const name = outcome === 'promoted' ? 'promoted' : 'rollback';
    this.#emit({ event: name, module: target.name, version, reason, sentence, ...cycles });
    return { outcome, event, program };
  }
}
