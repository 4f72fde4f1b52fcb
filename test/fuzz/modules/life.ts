/** A board and its model through the same commands: what it answers must be what the model has. */
import { createHash } from 'node:crypto';
import { UART_LINE_BYTES, verdicts } from '../../../abi/index.ts';
import type { Random } from '../../../ebpf/random.ts';
import { LinkError, RefusedError, type VelocityLink } from '../../../link/index.ts';
import { type Attempt, crowdingAttempt, fillingAttempt, someAttempt } from './attempt.ts';
import { Difference, expectSame } from './difference.ts';
import type { Start } from './draft.ts';
import { hex, MESSAGE_VALUE_BYTES, type ModelMap } from './map.ts';
import { Model, slotHooks } from './model.ts';
import { Told } from './told.ts';

/** Commands that are shown with a difference. */
const SHOWN = 40;
/** With more than half of the pool in use what is free may lie in pieces. */
const SHORT_BYTES = 4 * 1024 * 1024;
/** Steps between times at which a hook is filled, and how many of its modules stay: one in so many. */
const [CROWD_EVERY, STAYS_OF] = [250, 32];
/** The board keeps 16 records. */
const EVIDENCE_MOST = 10;
/** Steps between comparisons of everything. */
const COMPARE_EVERY = 8;
const FRAME_BYTES_MOST = 64;
/** That come one after the other. */
const FRAMES_MOST = 6;
/** First bytes of frames: few, so that flows meet, some with the high bit. */
const FIRST_BYTES = [0, 1, 2, 3, 4, 5, 6, 0x80, 0x81, 0x82];

/** None of the board's commands. Longer lines get no hint. */
const [LETTERS, LINE_MOST] = ['abc123_~', 60];
const HINTED_MOST = 32;

/** As the console prints an answer. */
const shown = (room: Buffer): string => {
  const end = room.indexOf(0);
  return room.toString('latin1', 0, end < 0 ? room.length : end).replaceAll(/[^ -~]/g, '?');
};

const hint = (line: string): string =>
  line.length > HINTED_MOST ? '' : `unknown command "${line}"; type help for a list`;

const statusIn = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'ok';
  } catch (error) {
    if (error instanceof RefusedError) return error.status;
    throw error;
  }
};

/** How many maps fill it, and the bytes in use without any. */
type Memory = { readonly pieces: number; readonly used: number; readonly code: number };

export class Life {
  readonly #link: VelocityLink;
  readonly #random: Random;
  readonly #model: Model;
  readonly #told: Told;
  readonly #start: Start;
  readonly #said: string[] = [];
  #accepted: Attempt | undefined;
  /** At the beginning. */
  #memory: Memory | undefined;

  private constructor(link: VelocityLink, random: Random, start: Start, cores: number, periodUs: number) {
    this.#link = link;
    this.#random = random;
    this.#start = start;
    this.#model = new Model(cores);
    this.#model.periodUs = periodUs;
    this.#told = new Told(link, this.#model);
  }

  /** Of a board that has just started. */
  static async begin(
    link: VelocityLink,
    random: Random,
    keys: Pick<Start, 'own' | 'stranger'>,
  ): Promise<Life> {
    const { boot, board_class, cores } = await link.info();
    const { period_us } = await link.timer();
    const life = new Life(link, random, { boot, boardClass: board_class, ...keys }, cores, period_us);
    life.#memory = await life.#measure();
    return life;
  }

  /** One command, and what the board tells afterwards; returns how it answered. @throws Difference */
  async step(): Promise<string> {
    const random = this.#random;
    while (this.#model.evidence.length > EVIDENCE_MOST) await this.#acknowledge();
    const commands: readonly (readonly [number, () => Promise<string>])[] = [
      [12, () => this.#install()],
      [1, () => this.#installAgain()],
      [1, () => this.#installHalf()],
      [2, () => this.#rollback()],
      [2, () => this.#remove()],
      [10, () => this.#inject()],
      [4, () => this.#type()],
      [3, () => this.#readMap()],
      [3, () => this.#writeMap()],
      [1, () => this.#acknowledge()],
    ];
    const often = commands.flatMap(([weight, command]) => Array.from({ length: weight }, () => command));
    const run = random.once(CROWD_EVERY) ? () => this.#crowd() : random.pick(often);
    try {
      const status = await run();
      if (random.once(COMPARE_EVERY)) await this.#told.all();
      else await this.#told.modules();
      return status;
    } catch (error) {
      throw this.#withHistory(error);
    }
  }

  #withHistory(error: unknown): unknown {
    if (!(error instanceof Difference || error instanceof LinkError)) return error;
    return new Difference(`${error.message}\n${this.#said.slice(-SHOWN).join('\n')}`);
  }

  #say(line: string): void {
    this.#said.push(line);
  }

  async #install(): Promise<string> {
    await this.#told.settle();
    const attempt = await someAttempt(this.#random, this.#model, this.#start);
    this.#say(attempt.what);
    return this.#admit(attempt);
  }

  async #admit(attempt: Attempt): Promise<string> {
    const { bytes, options, expected, takesMaps, admission, sequence, periodUs } = attempt;
    const status = await statusIn(this.#link.installPatch(bytes, options));
    const isShort =
      status === 'pool_full' && takesMaps && this.#model.bytesWith(admission.program) > SHORT_BYTES;
    if (expected === '' && status === 'ok') throw new Difference('a damaged patch was taken');
    if (expected !== '' && !isShort) expectSame('the answer', status, expected);
    if (status !== 'ok') {
      this.#model.counters.refusals++;
      return status;
    }
    this.#model.install(admission);
    this.#model.sequence = sequence;
    if (periodUs !== 0) this.#model.periodUs = periodUs;
    this.#accepted = attempt;
    return status;
  }

  /** Until a hook has no slot left; most of them go at once. */
  async #crowd(): Promise<string> {
    const random = this.#random;
    const hook = random.pick(slotHooks);
    this.#say(`fill the slots of ${hook}`);
    for (let i = 0; ; i++) {
      if ((await this.#admit(crowdingAttempt(i, hook, this.#model, this.#start))) === 'slots_full') break;
    }
    await this.#told.modules();
    for (const module of this.#model.modules) {
      if (!module.name.startsWith('crowd-') || random.once(STAYS_OF)) continue;
      await this.#link.remove(module.name);
      this.#model.remove(module);
    }
    return 'slots_full';
  }

  /** The very bytes that were taken last. */
  async #installAgain(): Promise<string> {
    if (!this.#accepted) return 'nothing';
    this.#say('the last patch once more');
    return this.#admit({ ...this.#accepted, expected: 'replayed', takesMaps: false });
  }

  /** Without its last bytes, or as another upload than the one that is staged. */
  async #installHalf(): Promise<string> {
    if (!this.#accepted) return 'nothing';
    const { bytes } = this.#accepted;
    const sha = createHash('sha256').update(bytes).digest();
    const half = bytes.subarray(0, bytes.length >> 1);
    // Staged whole before, it would go on from its end: other bytes first.
    const other = Uint8Array.of(this.#random.below(256), 1);
    await this.#link.stage(other);
    await this.#link.stageChunk({ off: 0, len: bytes.length, sha, data: half });
    const isOthers = this.#random.once(2);
    const asked = isOthers ? createHash('sha256').update(other).digest() : sha;
    this.#say(isOthers ? 'install what is not staged' : 'install what is half staged');
    const status = await statusIn(this.#link.install({ canary: false, sha: asked }));
    expectSame('the answer', status, isOthers ? 'upload_taken' : 'bad_state');
    this.#model.counters.refusals++;
    return status;
  }

  #someName(): string {
    const { modules } = this.#model;
    return modules.length === 0 || this.#random.once(8) ? 'absent' : this.#random.pick(modules).name;
  }

  async #rollback(): Promise<string> {
    const name = this.#someName();
    this.#say(`roll back ${name}`);
    await this.#told.settleTimers();
    const module = this.#model.named(name);
    const previous = module?.running.previous;
    const expected = !module ? 'no_entry' : previous ? 'ok' : 'no_previous';
    const status = await statusIn(this.#link.rollback(name));
    expectSame('the answer', status, expected);
    if (status === 'ok') this.#model.takeBack(module!, 'requested');
    return status;
  }

  async #remove(): Promise<string> {
    const name = this.#someName();
    this.#say(`remove ${name}`);
    await this.#told.settleTimers();
    const module = this.#model.named(name);
    const status = await statusIn(this.#link.remove(name));
    expectSame('the answer', status, module ? 'ok' : 'no_entry');
    if (module) this.#model.remove(module);
    return status;
  }

  async #inject(): Promise<string> {
    const random = this.#random;
    for (let left = 1 + random.below(FRAMES_MOST); left > 0; left--) {
      const frame = Buffer.alloc(random.below(FRAME_BYTES_MOST));
      if (frame.length > 0) frame[0] = random.pick(FIRST_BYTES);
      this.#say(`a frame of ${frame.length} bytes: ${frame.subarray(0, 1).toString('hex')}`);
      const { verdict } = await this.#link.inject(frame);
      expectSame('the verdict', verdict, this.#model.inject(frame));
      if (this.#model.modules.some(({ watch }) => watch)) await this.#told.modules();
    }
    return 'frame';
  }

  async #type(): Promise<string> {
    const random = this.#random;
    const line = Array.from({ length: 1 + random.below(LINE_MOST) }, () => random.pick([...LETTERS])).join(
      '',
    );
    this.#say(`type ${line}`);
    const room = Buffer.alloc(UART_LINE_BYTES);
    room.write(line, 'latin1');
    const verdict = this.#model.type(room, line.length);
    const expected =
      verdict === verdicts.drop ? '' : verdict === verdicts.transmit ? shown(room) : hint(line);
    const seen: string[] = [];
    const forget = this.#link.onConsole((text) => seen.push(text));
    await this.#link.type(line);
    await this.#link.echo('typed');
    forget();
    expectSame('the answer', seen.join('\n'), expected);
    return 'line';
  }

  #someMap(): { name: string; map: ModelMap | undefined; key: Buffer } {
    const random = this.#random;
    // What is written to gpio_in stays until the next tick.
    const maps = this.#model.maps.filter(({ definition }) => definition.name !== 'gpio_in');
    const name = random.once(8) ? 'absent' : random.pick(maps).definition.name;
    const map = this.#model.mapNamed(name);
    const known = map?.keys ?? [];
    if (known.length > 0 && random.once(2)) return { name, map, key: Buffer.from(random.pick(known), 'hex') };
    const key = Buffer.alloc(random.once(6) ? random.below(8) : 4);
    if (key.length > 0) key[0] = random.below(8);
    return { name, map, key };
  }

  async #readMap(): Promise<string> {
    await this.#told.settleTimers();
    const { name, map, key } = this.#someMap();
    this.#say(`read ${name} ${hex(key)}`);
    const expected = map?.read(key) ?? 'no_entry';
    let seen = '';
    const status = await statusIn(
      this.#link.mapRead(name, key).then(({ value }) => {
        seen = hex(value);
      }),
    );
    if (typeof expected === 'string') expectSame('the answer', status, expected);
    else expectSame('the value', [status, seen], ['ok', hex(expected)]);
    return status;
  }

  async #writeMap(): Promise<string> {
    await this.#told.settleTimers();
    const random = this.#random;
    const { name, map, key } = this.#someMap();
    const bytes = map && !random.once(8) ? Math.min(map.valueBytes, MESSAGE_VALUE_BYTES) : random.below(32);
    const value = Buffer.alloc(bytes);
    for (let i = 0; i < Math.min(bytes, 64); i++) value[i] = random.below(256);
    this.#say(`write ${name} ${hex(key)} ${bytes} bytes`);
    const status = await statusIn(this.#link.mapWrite(name, key, value));
    expectSame('the answer', status, map?.write(key, value) ?? 'no_entry');
    return status;
  }

  async #acknowledge(): Promise<string> {
    await this.#told.settleTimers();
    const [record] = await this.#link.evidenceAll();
    this.#say(`acknowledge ${record ? `the evidence against ${record.name}` : 'what is not there'}`);
    const status = await statusIn(this.#link.evidenceAck(record?.id ?? 0xffffffff));
    expectSame('the answer', status, record ? 'ok' : 'no_entry');
    if (record) this.#model.forget(record.name, record.version);
    return status;
  }

  async #removeAll(): Promise<void> {
    for (const module of this.#model.modules) {
      this.#say(`remove ${module.name}`);
      await this.#link.remove(module.name);
      this.#model.remove(module);
    }
    await this.#told.settle();
  }

  /** Of a board without modules. */
  async #measure(): Promise<Memory> {
    let pieces = 0;
    while ((await this.#admit(fillingAttempt(pieces, this.#model, this.#start))) === 'ok') pieces++;
    await this.#removeAll();
    const { pool, code } = await this.#link.memory();
    return { pieces, used: pool.used, code: code.used };
  }

  /** Takes everything out. @throws Difference when something stays */
  async end(): Promise<void> {
    try {
      await this.#told.settle();
      await this.#removeAll();
      expectSame('the memory without modules', await this.#measure(), this.#memory);
      await this.#told.all();
    } catch (error) {
      throw this.#withHistory(error);
    }
  }
}
