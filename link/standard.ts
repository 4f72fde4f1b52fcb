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

export abstract class StandardLink {
  protected readonly client: SmpClient;
  protected readonly exchange: SignedExchange;
  /** Group 1: slots for kernel images. */
  readonly images = new ImageSlots((op, id, value, what, more) =>
    this.#ask(op, smpGroups.image, id, value, what, more),
  );

  constructor(client: SmpClient) {
    this.client = client;
    this.exchange = new SignedExchange(client, () => this.binding());
  }

  /** What a signed command is bound to. */
  protected abstract binding(): ReturnType<Binding>;

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

  async #ask(op: 'read' | 'write', group: number, id: number, value: object, what: string, more = {}) {
    const payload = await this.exchange.request({ op, group, id, payload: encode(value), what, ...more });
    try {
      return decode(payload, { allowBigInt: true }) as Record<string, unknown>;
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
    const reply = await this.#ask('write', smpGroups.os, osCommands.echo, { d: text }, 'echo', more);
    return String(reply.r);
  }

  /** OS group: the board answers, then resets. */
  async reset(): Promise<void> {
    const more = { retries: 0, timeoutMs: RESET_TIMEOUT_MS };
    await this.#ask('write', smpGroups.os, osCommands.reset, {}, 'reset', more);
  }

  /** OS group: how long a message may be, and how many the board buffers. */
  async params(): Promise<{ bufSize: number; bufCount: number }> {
    const reply = await this.#ask('read', smpGroups.os, osCommands.params, {}, 'params');
    return { bufSize: Number(reply.buf_size), bufCount: Number(reply.buf_count) };
  }

  /** OS group: memory pools, in bytes. */
  async memory(): Promise<Readonly<Record<'pool' | 'code', MemoryPool>>> {
    const reply = await this.#ask('read', smpGroups.os, osCommands.mpstat, {}, 'mpstat');
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
    const reply = await this.#ask('read', smpGroups.os, osCommands.taskstat, {}, 'taskstat');
    return (reply.tasks ?? {}) as Record<string, TaskStat>;
  }

  /** Statistics group: names of the counter groups. */
  async statGroups(): Promise<string[]> {
    const reply = await this.#ask('read', smpGroups.stat, statCommands.list, {}, 'stat list');
    return (reply.stat_list ?? []) as string[];
  }

  /** Statistics group: the counters of one group. */
  async stats(group: string): Promise<Record<string, number | bigint>> {
    const reply = await this.#ask('read', smpGroups.stat, statCommands.show, { name: group }, 'stat show');
    return (reply.fields ?? {}) as Record<string, number | bigint>;
  }
}
