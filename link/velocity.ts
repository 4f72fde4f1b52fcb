/** The link to one board: a typed method per message of abi/messages.ts, beside the groups of standard.ts. */
import { createHash, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CHUNK_BYTES,
  CodecError,
  contractId,
  decodeRecord,
  decodeRuns,
  decodeSamples,
  encodeRecord,
  messages,
  READY,
  type RecordOf,
  SMP_GROUP_VELOCITY,
} from '../abi/index.ts';
import { openTransport } from './address.ts';
import { SmpClient } from './client.ts';
import {
  AbiMismatchError,
  BadReplyError,
  LinkTimeoutError,
  RefusedError,
  UnsettledMapError,
} from './errors.ts';
import { type FollowOptions, takeRecords } from './records.ts';
import { type Report, Reports } from './reports.ts';
import type { SerialOptions } from './serial.ts';
import type { Signer } from './signed.ts';
import { sendStaged } from './stage.ts';
import { StandardLink } from './standard.ts';
import type { Transport } from './transport.ts';

export type MessageName = keyof typeof messages;
export type Request<N extends MessageName> = RecordOf<(typeof messages)[N]['request']>;
export type Response<N extends MessageName> = RecordOf<(typeof messages)[N]['response']>;
export type BoardInfo = Response<'info'>;
export type ModuleInfo = Response<'module'>;
export type BoardEvent = Response<'event'>;
/** Counters of the version of a module that runs. */
export type Telemetry = {
  readonly name: string;
  readonly version: number;
  /** Board time of the reading. */
  readonly time_ns: bigint;
  readonly calls: bigint;
  readonly cycles: bigint;
  /** Cycles of the fastest and of the slowest call. */
  readonly min: bigint;
  readonly max: bigint;
  readonly last_result: bigint;
  /** Bin i counts calls of [2^i, 2^(i+1)) cycles. */
  readonly histogram: readonly number[];
};

export type LinkOptions = SerialOptions & {
  /** How long to wait for a board that is still booting; default 0: it must answer within one request. */
  readonly readyTimeoutMs?: number;
  /** How often a request is sent again when no answer comes; default 1. A board answers a repetition from memory. */
  readonly retries?: number;
  /** Also speaks to a board of another release: only what all releases understand alike may be asked of it. */
  readonly anyContract?: boolean;
  /** Called with each line of console text, from the first one on. */
  readonly onConsole?: (line: string) => void;
  /** Signs what the board's policy takes from signed commands only; default: such requests end in `not_signed`. */
  readonly signer?: Signer;
};

/** How often a patch is staged while another host stages, too, and the longest wait in between: both wait, and not as long. */
const TAKEN_TRIES = 6;
const TAKEN_WAIT_MS = 400;

/** Messages that work on the board for a while before they answer. */
const timeoutsMs: Partial<Record<MessageName, number>> = { install: 20_000, run: 20_000, bench: 300_000 };
const READY_POLL_MS = 250;
const BANNER_MS = 5000;

const isNoEntry = (error: unknown) => error instanceof RefusedError && error.status === 'no_entry';

/** What is there, or undefined. */
const unlessNoEntry = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch((error) => {
    if (isNoEntry(error)) return undefined;
    throw error;
  });

/** How many times its entries may be gone through before a map is left that changes meanwhile. */
const MOST_ROUNDS = 4;

/** No board has so many of anything that is listed: one that goes on for ever is left. */
const MOST_ENTRIES = 4096;

/** A board keeps so many events (kernel-aarch64/telemetry/events.h): what there was at first is told by then. */
const KEPT_EVENTS = 256;

/** All entries of a list, in its order. @throws BadReplyError when it does not end */
const readAll = async <T>(link: { describe(): string }, what: string, read: (i: number) => Promise<T>) => {
  const all: T[] = [];
  while (all.length < MOST_ENTRIES) {
    try {
      all.push(await read(all.length));
    } catch (error) {
      if (isNoEntry(error)) return all;
      throw error;
    }
  }
  throw new BadReplyError(link.describe(), what);
};

type MapShape = Pick<Response<'map_info'>, 'name' | 'max_entries'>;

export class VelocityLink extends StandardLink {
  readonly #reports = new Reports({
    ask: (request) => this.request('report', request),
    module: (i) => unlessNoEntry(this.module(i)),
  });

  protected override async binding(keyId: string | undefined) {
    const { boot, sequence } = await this.info();
    return { boot, sequence: keyId === undefined ? sequence : await this.sequenceOf(keyId) };
  }

  /**
   * Opens a port and shakes hands. @throws AddressError, UnpluggedError, PermissionError, PortBusyError,
   * LinkTimeoutError, AbiMismatchError
   */
  static async open(address: string, options: LinkOptions = {}): Promise<VelocityLink> {
    return VelocityLink.over(await openTransport(address, options), options);
  }

  /** Shakes hands over a transport that is open already; closes it when that fails. */
  static async over(transport: Transport, options: LinkOptions = {}): Promise<VelocityLink> {
    const client = new SmpClient(transport, options);
    if (options.onConsole) client.onConsole(options.onConsole);
    const link = new VelocityLink(client);
    if (options.signer) link.signWith(options.signer);
    try {
      await link.handshake(options.readyTimeoutMs ?? 0, options.anyContract);
    } catch (error) {
      await link.close();
      throw error;
    }
    return link;
  }

  /** Checks that host and board mean the same by every message. @throws AbiMismatchError, LinkTimeoutError */
  async handshake(readyTimeoutMs = 0, anyContract = false): Promise<BoardInfo> {
    if (readyTimeoutMs > 0) await this.#waitReady(readyTimeoutMs);
    const info = await this.info();
    const board = Buffer.from(info.abi).toString('hex');
    if (board !== contractId() && !anyContract)
      throw new AbiMismatchError(this.describe(), board, contractId());
    return info;
  }

  /**
   * A board that is just starting is not spoken to before it says ready: boot loaders stop their count-down at any
   * byte. One that started earlier says nothing, so the wait is short.
   */
  async #waitBanner(timeoutMs: number): Promise<void> {
    let forget = () => {};
    const banner = new Promise<void>((resolve) => {
      forget = this.onConsole((line) => READY.test(line) && resolve());
    });
    const enough = new AbortController();
    const pause = sleep(Math.min(timeoutMs / 4, BANNER_MS), undefined, { signal: enough.signal }).catch(
      () => {},
    );
    await Promise.race([banner, pause]);
    enough.abort();
    forget();
  }

  async #waitReady(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    await this.#waitBanner(timeoutMs);
    for (;;) {
      try {
        await this.echo('ready', READY_POLL_MS);
        return;
      } catch (error) {
        if (!(error instanceof LinkTimeoutError)) throw error;
        if (performance.now() >= deadline)
          throw new LinkTimeoutError(this.describe(), 'the first echo', timeoutMs);
      }
    }
  }

  /** Any message of group 64. @throws CodecError when `value` does not match; else as SmpClient.request */
  async request<N extends MessageName>(name: N, value: Request<N>): Promise<Response<N>> {
    const message = messages[name];
    const payload = await this.exchange.request({
      op: message.op,
      group: SMP_GROUP_VELOCITY,
      id: message.id,
      payload: encodeRecord(message.request, value),
      what: name,
      ...(timeoutsMs[name] ? { timeoutMs: timeoutsMs[name], endsAtRestart: true } : {}),
    });
    try {
      return decodeRecord(message.response, payload) as Response<N>;
    } catch (cause) {
      if (cause instanceof CodecError) throw new BadReplyError(this.describe(), name, { cause });
      throw cause;
    }
  }

  info = () => this.request('info', {});
  stageChunk = (chunk: Request<'stage'>) => this.request('stage', chunk);
  install = (options: Request<'install'>) => this.request('install', options);
  module = (i: number) => this.request('module', { i });
  rollback = (name: string) => this.request('rollback', { name });
  remove = (name: string) => this.request('remove', { name });
  event = (since: bigint) => this.request('event', { since });
  evidence = (i: number) => this.request('evidence', { i });
  evidenceAck = (id: number) => this.request('evidence_ack', { id });
  inject = (frame: Uint8Array) => this.request('inject', { data: frame });
  mapRead = (map: string, key: Uint8Array) => this.request('map_read', { map, key });
  mapWrite = (map: string, key: Uint8Array, value: Uint8Array) =>
    this.request('map_write', { map, key, value });
  mapNext = (map: string, key: Uint8Array) => this.request('map_next', { map, key });
  mapInfo = (i: number) => this.request('map_info', { i });
  /** Takes what modules wrote into a ring buffer. @throws as takeRecords() */
  records = (map: string, options?: FollowOptions) => takeRecords(this, map, options);
  run = (program: Request<'run'>) => this.request('run', program);
  timer = (period_us?: number) => this.request('timer', period_us === undefined ? {} : { period_us });
  bench = (what: 'swap' | 'telemetry', n: number) => this.request('bench', { what, n });
  crash = () => this.request('crash', {});
  /** Samples taken since the last call; with `every`, one of so many calls and interrupts is sampled from now on, 0: none. */
  profile = async (every?: number) => {
    const { data, ...rest } = await this.request('profile', every === undefined ? {} : { every });
    try {
      return { ...rest, samples: decodeSamples(data) };
    } catch (cause) {
      throw new BadReplyError(this.describe(), 'profile', { cause });
    }
  };
  /** Runs of hooks recorded since the last call; with `on`, every run is recorded from now on, or none. */
  trace = async (on?: boolean) => {
    const { data, ...rest } = await this.request('trace', on === undefined ? {} : { on });
    try {
      return { ...rest, runs: decodeRuns(data, rest.time_ns) };
    } catch (cause) {
      throw new BadReplyError(this.describe(), 'trace', { cause });
    }
  };
  measured = () => this.request('measured', {});
  key = (i: number) => this.request('key', { i });
  revoke = (id: Uint8Array, public_key?: Uint8Array) =>
    this.request('revoke', public_key ? { id, public_key } : { id });

  /** Highest sequence number accepted from a key: what another key, of less rights perhaps, has used up is not its own. */
  sequenceOf = async (keyId: string): Promise<bigint> =>
    (await this.keys()).find(({ id }) => Buffer.from(id).toString('hex') === keyId)?.sequence ?? 0n;
  keys = (): Promise<Response<'key'>[]> => readAll(this, 'key', (i) => this.key(i));
  modules = (): Promise<ModuleInfo[]> => readAll(this, 'module', (i) => this.module(i));
  /** Counters and facts of all modules; over the line goes what changed since the call before. */
  report = (): Promise<Report> =>
    this.#reports.next().catch((cause) => {
      if (cause instanceof CodecError) throw new BadReplyError(this.describe(), 'report', { cause });
      throw cause;
    });
  telemetryAll = async (): Promise<readonly Telemetry[]> => (await this.report()).telemetry;
  evidenceAll = (): Promise<Response<'evidence'>[]> => readAll(this, 'evidence', (i) => this.evidence(i));
  maps = (): Promise<Response<'map_info'>[]> => readAll(this, 'map_info', (i) => this.mapInfo(i));

  /**
   * Keys and values of a map in the board's order, each key once. After a key that is removed meanwhile the board begins anew,
   * and what goes before it is read is left out. @throws UnsettledMapError when that goes on for ever
   */
  async *mapEntries({ name, max_entries }: MapShape): AsyncGenerator<{ key: Uint8Array; value: Uint8Array }> {
    const told = new Set<string>();
    let key: Uint8Array = new Uint8Array(0);
    for (let left = MOST_ROUNDS * (max_entries + 1); left > 0; left--) {
      const next = await unlessNoEntry(this.mapNext(name, key));
      if (next === undefined) return;
      key = next.key;
      const id = Buffer.from(key).toString('hex');
      const value = told.has(id) ? undefined : (await unlessNoEntry(this.mapRead(name, key)))?.value;
      if (value === undefined) continue;
      told.add(id);
      yield { key, value };
    }
    throw new UnsettledMapError(name, told.size);
  }

  /**
   * Puts bytes into the board's staging buffer; goes on where an earlier attempt with the same bytes stopped.
   * @throws RefusedError `too_long` when they do not fit; else as SmpClient.request
   */
  stage(bytes: Uint8Array, onProgress?: (done: number, total: number) => void): Promise<void> {
    const sha = createHash('sha256').update(bytes).digest();
    return sendStaged(this.stageChunk, bytes, sha, onProgress);
  }

  /**
   * Stages a signed patch and has it installed. When another host stages something of its own in between, waits a moment and
   * does it again.
   * @throws RefusedError with the board's reason
   */
  async installPatch(
    bytes: Uint8Array,
    options: Request<'install'>,
    onProgress?: (done: number, total: number) => void,
  ): Promise<Response<'install'>> {
    const sha = createHash('sha256').update(bytes).digest();
    for (let left = TAKEN_TRIES; ; left -= 1) {
      try {
        await sendStaged(this.stageChunk, bytes, sha, onProgress);
        return await this.install({ ...options, sha });
      } catch (error) {
        const taken = error instanceof RefusedError && error.status === 'upload_taken';
        if (!taken || left === 1) throw error;
        await sleep(randomInt(TAKEN_WAIT_MS));
      }
    }
  }

  /** Runs a program: the code goes along with the request when it fits, else through the staging buffer. */
  async runProgram(program: {
    jit: boolean;
    code: Uint8Array;
    mem: Uint8Array;
    /** For the board's checker; without one it infers for itself. */
    certificate?: Uint8Array;
  }): Promise<Response<'run'>> {
    const { jit, code, mem, certificate } = program;
    const fits = (certificate?.length ?? 0) + mem.length <= CHUNK_BYTES; // else the board infers for itself
    const more = certificate && certificate.length > 0 && fits ? { certificate } : {};
    if (code.length + mem.length + (certificate?.length ?? 0) <= CHUNK_BYTES)
      return this.run({ jit, code, mem, ...more });
    await this.stage(code);
    return this.run({ jit, mem, ...more, sha: createHash('sha256').update(code).digest() });
  }

  /**
   * Events after `since`, oldest first; ends when there is none left, or as many were told as a board keeps: a module may log
   * faster than this reads. Goes on where it is to `follow`. @throws BadReplyError
   */
  async *events(since = 0n, options: FollowOptions = {}): AsyncGenerator<BoardEvent> {
    let last = since;
    let left = options.follow ? Number.POSITIVE_INFINITY : KEPT_EVENTS;
    while (!options.signal?.aborted && left-- > 0) {
      try {
        const event = await this.event(last);
        // One with a lower number is of a board that started anew; the same again would be told for ever.
        if (event.seq === last) throw new BadReplyError(this.describe(), 'event');
        last = event.seq;
        yield event;
      } catch (error) {
        if (!isNoEntry(error)) throw error;
        if (!options.follow) return;
        await sleep(options.intervalMs ?? 100, undefined, { ref: true });
      }
    }
  }
}
