/** The link to one board: a typed method per message of abi/messages.ts, and the groups that every SMP client knows. */
import { createHash, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decode, encode } from 'cborg';
import {
  CHUNK_BYTES,
  CodecError,
  contractId,
  decodeRecord,
  decodeRuns,
  decodeSamples,
  encodeRecord,
  messages,
  type RecordOf,
  SMP_GROUP_SIGNED,
  SMP_GROUP_VELOCITY,
} from '../abi/index.ts';
import { openTransport } from './address.ts';
import { type LinkHealth, SmpClient } from './client.ts';
import { AbiMismatchError, BadReplyError, LinkTimeoutError, RefusedError } from './errors.ts';
import { ImageSlots } from './image.ts';
import { type Report, Reports } from './reports.ts';
import type { SerialOptions } from './serial.ts';
import { SignedExchange, type Signer } from './signed.ts';
import { osCommands, smpGroups, statCommands } from './smp.ts';
import { sendStaged } from './stage.ts';
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
/** One task of the OS group's task statistics. */
export type TaskStat = Readonly<Record<string, number | bigint>>;

/** Sizes in bytes: of the whole, of what is in use, and of the most that ever was. */
export type MemoryPool = { readonly size: number; readonly used: number; readonly most: number };

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
/** Resetting, the board may be too quick for its answer to get out; asking again would reset it twice. */
const RESET_TIMEOUT_MS = 3000;
const READY_POLL_MS = 250;
const BANNER_MS = 5000;

const isNoEntry = (error: unknown) => error instanceof RefusedError && error.status === 'no_entry';

/** Gives it a name, so that two reads of one list do not mix up. */
const readAll = async <T>(read: (i: number) => Promise<T>): Promise<T[]> => {
  const all: T[] = [];
  for (;;) {
    try {
      all.push(await read(all.length));
    } catch (error) {
      if (isNoEntry(error)) return all;
      throw error;
    }
  }
};

export class VelocityLink {
  readonly #client: SmpClient;
  readonly #exchange: SignedExchange;
  /** Group 1: slots for kernel images. */
  readonly images = new ImageSlots((op, id, value, what, more) =>
    this.#standard(op, smpGroups.image, id, value, what, more),
  );

  readonly #reports = new Reports({
    ask: (request) => this.request('report', request),
    module: (i) =>
      this.module(i).catch((error) => {
        if (isNoEntry(error)) return undefined;
        throw error;
      }),
  });

  constructor(client: SmpClient) {
    this.#client = client;
    this.#exchange = new SignedExchange(client, () => this.info());
  }

  /** Signs from now on what the board's policy wants signed. */
  signWith(signer: Signer): void {
    this.#exchange.signer = signer;
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
      forget = this.onConsole((line) => line.includes(' ready on ') && resolve());
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
    const deadline = Date.now() + timeoutMs;
    await this.#waitBanner(timeoutMs);
    for (;;) {
      try {
        await this.echo('ready', READY_POLL_MS);
        return;
      } catch (error) {
        if (!(error instanceof LinkTimeoutError)) throw error;
        if (Date.now() >= deadline) throw new LinkTimeoutError(this.describe(), 'the first echo', timeoutMs);
      }
    }
  }

  describe(): string {
    return this.#client.describe();
  }

  get health(): Readonly<LinkHealth> {
    return this.#client.health;
  }

  /** Bytes of the line that the board's answers took so far. */
  get bytes(): number {
    return this.#client.bytes;
  }

  onConsole(listener: (line: string) => void): () => void {
    return this.#client.onConsole(listener);
  }

  onClose(listener: (cause?: Error) => void): void {
    this.#client.onClose(listener);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Any message of group 64. @throws CodecError when `value` does not match; else as SmpClient.request */
  async request<N extends MessageName>(name: N, value: Request<N>): Promise<Response<N>> {
    const message = messages[name];
    const payload = await this.#exchange.request({
      op: message.op,
      group: SMP_GROUP_VELOCITY,
      id: message.id,
      payload: encodeRecord(message.request, value),
      what: name,
      ...(timeoutsMs[name] ? { timeoutMs: timeoutsMs[name] } : {}),
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

  keys = (): Promise<Response<'key'>[]> => readAll((i) => this.key(i));
  modules = (): Promise<ModuleInfo[]> => readAll((i) => this.module(i));
  /** Counters and facts of all modules; over the line goes what changed since the call before. */
  report = (): Promise<Report> =>
    this.#reports.next().catch((cause) => {
      if (cause instanceof CodecError) throw new BadReplyError(this.describe(), 'report', { cause });
      throw cause;
    });
  telemetryAll = async (): Promise<readonly Telemetry[]> => (await this.report()).telemetry;
  evidenceAll = (): Promise<Response<'evidence'>[]> => readAll((i) => this.evidence(i));
  maps = (): Promise<Response<'map_info'>[]> => readAll((i) => this.mapInfo(i));

  /** Keys of a map in the board's order. */
  async *mapKeys(map: string): AsyncGenerator<Uint8Array> {
    let key: Uint8Array = new Uint8Array(0);
    for (;;) {
      try {
        ({ key } = await this.mapNext(map, key));
      } catch (error) {
        if (isNoEntry(error)) return;
        throw error;
      }
      yield key;
    }
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
    const more = certificate && certificate.length > 0 ? { certificate } : {};
    if (code.length + mem.length + (certificate?.length ?? 0) <= CHUNK_BYTES)
      return this.run({ jit, code, mem, ...more });
    await this.stage(code);
    return this.run({ jit, mem, ...more, sha: createHash('sha256').update(code).digest() });
  }

  /** Events after `since`, oldest first; ends when there is none left, unless it is to `follow`. */
  async *events(
    since = 0n,
    options: { follow?: boolean; intervalMs?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<BoardEvent> {
    let last = since;
    while (!options.signal?.aborted) {
      try {
        const event = await this.event(last);
        last = event.seq;
        yield event;
      } catch (error) {
        if (!isNoEntry(error)) throw error;
        if (!options.follow) return;
        await sleep(options.intervalMs ?? 100, undefined, { ref: true });
      }
    }
  }

  async #standard(op: 'read' | 'write', group: number, id: number, value: object, what: string, more = {}) {
    const payload = await this.#exchange.request({ op, group, id, payload: encode(value), what, ...more });
    try {
      return decode(payload, { allowBigInt: true }) as Record<string, unknown>;
    } catch (cause) {
      throw new BadReplyError(this.describe(), what, { cause });
    }
  }

  /** Sends a command that is signed already; answers with the command's own answer, undecoded. */
  signedCommand(message: Uint8Array): Promise<Uint8Array> {
    return this.#client.request({
      op: 'write',
      group: SMP_GROUP_SIGNED,
      id: 0,
      payload: encode({ m: message }),
      what: 'the signed command',
    });
  }

  /** OS group: the board sends the text back. */
  async echo(text: string, timeoutMs?: number): Promise<string> {
    const more = timeoutMs === undefined ? {} : { timeoutMs, retries: 0 };
    const reply = await this.#standard('write', smpGroups.os, osCommands.echo, { d: text }, 'echo', more);
    return String(reply.r);
  }

  /** OS group: the board answers, then resets. */
  async reset(): Promise<void> {
    const more = { retries: 0, timeoutMs: RESET_TIMEOUT_MS };
    await this.#standard('write', smpGroups.os, osCommands.reset, {}, 'reset', more);
  }

  /** OS group: how long a message may be, and how many the board buffers. */
  async params(): Promise<{ bufSize: number; bufCount: number }> {
    const reply = await this.#standard('read', smpGroups.os, osCommands.params, {}, 'params');
    return { bufSize: Number(reply.buf_size), bufCount: Number(reply.buf_count) };
  }

  /** OS group: memory pools, in bytes. */
  async memory(): Promise<Readonly<Record<'pool' | 'code', MemoryPool>>> {
    const reply = await this.#standard('read', smpGroups.os, osCommands.mpstat, {}, 'mpstat');
    const poolOf = (name: string): MemoryPool => {
      const { blksiz, nblks, nfree, min } = reply[name] as Record<
        'blksiz' | 'nblks' | 'nfree' | 'min',
        number
      >;
      return { size: blksiz * nblks, used: blksiz * (nblks - nfree), most: blksiz * (nblks - min) };
    };
    try {
      return { pool: poolOf('pool'), code: poolOf('code') };
    } catch (cause) {
      throw new BadReplyError(this.describe(), 'mpstat', { cause });
    }
  }

  /** OS group: what each core does. */
  async taskstat(): Promise<Record<string, TaskStat>> {
    const reply = await this.#standard('read', smpGroups.os, osCommands.taskstat, {}, 'taskstat');
    return (reply.tasks ?? {}) as Record<string, TaskStat>;
  }

  /** Statistics group: names of the counter groups. */
  async statGroups(): Promise<string[]> {
    const reply = await this.#standard('read', smpGroups.stat, statCommands.list, {}, 'stat list');
    return (reply.stat_list ?? []) as string[];
  }

  /** Statistics group: the counters of one group. */
  async stats(group: string): Promise<Record<string, number | bigint>> {
    const reply = await this.#standard(
      'read',
      smpGroups.stat,
      statCommands.show,
      { name: group },
      'stat show',
    );
    return (reply.fields ?? {}) as Record<string, number | bigint>;
  }
}
