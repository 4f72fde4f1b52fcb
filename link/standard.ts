/** What every board that speaks SMP can be asked: the OS, statistics and image groups of MCUmgr. */
import { decode, encode } from 'cborg';
import { SMP_GROUP_SIGNED } from '../abi/index.ts';
import type { LinkHealth, SmpClient } from './client.ts';
import { BadReplyError } from './errors.ts';
import { ImageSlots } from './image.ts';
import { type Binding, SignedExchange, type Signer } from './signed.ts';
import { osCommands, smpGroups, statCommands } from './smp.ts';

/** One task of the OS group's task statistics. */
export type TaskStat = Readonly<Record<string, number | bigint>>;

/** Sizes in bytes: of the whole, of what is in use, and of the most that ever was. */
export type MemoryPool = { readonly size: number; readonly used: number; readonly most: number };

/** Resetting, the board may be too quick for its answer to get out; asking again would reset it twice. */
const RESET_TIMEOUT_MS = 10_000;

type Reply = Readonly<Record<string, unknown>>;

/** Counters by name. @throws TypeError where one is something else: views print them as they are */
const numbersIn = (value: unknown): TaskStat => {
  for (const each of Object.values(value as object))
    if (typeof each !== 'number' && typeof each !== 'bigint') throw new TypeError('no number');
  return value as TaskStat;
};

export abstract class StandardLink {
  protected readonly client: SmpClient;
  protected readonly exchange: SignedExchange;
  /** Group 1: slots for kernel images. */
  readonly images = new ImageSlots((op, id, value, what, read, more) =>
    this.#ask(op, smpGroups.image, id, value, what, read, more),
  );

  constructor(client: SmpClient) {
    this.client = client;
    this.exchange = new SignedExchange(client, (keyId) => this.binding(keyId));
  }

  /** What a signed command is bound to. */
  protected abstract binding(...of: Parameters<Binding>): ReturnType<Binding>;

  /** Signs from now on what the board's policy wants signed. */
  signWith(signer: Signer): void {
    this.exchange.signer = signer;
  }

  describe(): string {
    return this.client.describe();
  }

  get health(): Readonly<LinkHealth> {
    return this.client.health;
  }

  /** Bytes of the line that the board's answers took so far. */
  get bytes(): number {
    return this.client.bytes;
  }

  onConsole(listener: (line: string) => void): () => void {
    return this.client.onConsole(listener);
  }

  /** Types a line on the console; what the board prints comes before its answer to the next request. */
  type(line: string): Promise<void> {
    return this.client.type(line);
  }

  onClose(listener: (cause?: Error) => void): void {
    this.client.onClose(listener);
  }

  close(): Promise<void> {
    return this.client.close();
  }

  /** What `read` cannot make anything of is malformed. */
  async #ask<T>(
    op: 'read' | 'write',
    group: number,
    id: number,
    value: object,
    what: string,
    read: (reply: Reply) => T,
    more = {},
  ): Promise<T> {
    const payload = await this.exchange.request({ op, group, id, payload: encode(value), what, ...more });
    try {
      return read(decode(payload, { allowBigInt: true }) as Reply);
    } catch (cause) {
      throw new BadReplyError(this.describe(), what, { cause });
    }
  }

  /** Sends a command that is signed already; answers with the command's own answer, undecoded. */
  signedCommand(message: Uint8Array): Promise<Uint8Array> {
    return this.client.request({
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
    return this.#ask('write', smpGroups.os, osCommands.echo, { d: text }, 'echo', ({ r }) => String(r), more);
  }

  /** OS group: the board answers, then resets. */
  async reset(): Promise<void> {
    const more = { retries: 0, timeoutMs: RESET_TIMEOUT_MS };
    await this.#ask('write', smpGroups.os, osCommands.reset, {}, 'reset', () => {}, more);
  }

  /** OS group: how long a message may be, and how many the board buffers. */
  async params(): Promise<{ bufSize: number; bufCount: number }> {
    return this.#ask('read', smpGroups.os, osCommands.params, {}, 'params', (reply) => ({
      bufSize: Number(reply.buf_size),
      bufCount: Number(reply.buf_count),
    }));
  }

  /** OS group: memory pools, in bytes. */
  async memory(): Promise<Readonly<Record<'pool' | 'code', MemoryPool>>> {
    const poolOf = (pool: unknown): MemoryPool => {
      const { blksiz, nblks, nfree, min } = pool as Record<'blksiz' | 'nblks' | 'nfree' | 'min', number>;
      return { size: blksiz * nblks, used: blksiz * (nblks - nfree), most: blksiz * (nblks - min) };
    };
    return this.#ask('read', smpGroups.os, osCommands.mpstat, {}, 'mpstat', ({ pool, code }) => ({
      pool: poolOf(pool),
      code: poolOf(code),
    }));
  }

  /** OS group: what each core does. */
  async taskstat(): Promise<Record<string, TaskStat>> {
    return this.#ask('read', smpGroups.os, osCommands.taskstat, {}, 'taskstat', ({ tasks }) =>
      Object.fromEntries(Object.entries(tasks ?? {}).map(([name, stat]) => [name, numbersIn(stat)])),
    );
  }

  /** Statistics group: names of the counter groups. */
  async statGroups(): Promise<string[]> {
    return this.#ask('read', smpGroups.stat, statCommands.list, {}, 'stat list', ({ stat_list: list }) =>
      ((list ?? []) as unknown[]).map(String),
    );
  }

  /** Statistics group: the counters of one group. */
  async stats(group: string): Promise<Record<string, number | bigint>> {
    return this.#ask('read', smpGroups.stat, statCommands.show, { name: group }, 'stat show', ({ fields }) =>
      numbersIn(fields ?? {}),
    );
  }
}
