/** Looks after one board of a run: starts it, hands it to the tests, finds out why one failed, and writes it all down. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSymbols, type Symbols } from '../../firmware/index.ts';
import { naming } from '../../firmware/write.ts';
import type { Request, Response, VelocityLink } from '../../link/index.ts';
import {
  bootCause,
  type Cause,
  coreStates,
  Device,
  type Powered,
  type StoppedCore,
  testCause,
} from '../../rig/index.ts';
import type { Attempt, RigEvent, TestRecord } from '../../rig/report/index.ts';
import type { Bench, Case } from '../../rig/suites/index.ts';
import { installer } from './installer.ts';
import { flashEmulated, startEmulated, startReal } from './power-up.ts';
import { consolePath, recordPath, type Session } from './session.ts';

const LOADER_ALIGN = 0x20_0000n; // Linux Documentation/arch/arm64/booting.rst: images lie at a multiple of 2 MiB
const POSTMORTEM_MS = 500;

type Crash = Response<'crash'>;

/** What was known before a test, to be compared with what is afterwards. */
export type Watch = {
  readonly began: number;
  readonly unwanted: number;
  readonly damagedHere: number;
  readonly damagedThere: number;
};

const describeCrash = ({ reason, core, elr, esr, far }: Crash, where: string | undefined) =>
  `${reason} on core ${core} at image+0x${elr.toString(16)}${where ? ` in ${where}` : ''}, esr 0x${esr.toString(16)}, far 0x${far.toString(16)}`;

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value);

const append = (path: string, text: string) => naming(path, () => appendFileSync(path, text));

const recorder = (session: Session) => (event: RigEvent) =>
  append(recordPath(session), `${JSON.stringify(event, plain)}\n`);

export class Attendant {
  readonly #session: Session;
  #device: Device | undefined;
  #powered: Powered | undefined;
  #emulator: Error | undefined;
  #broken: string | undefined;
  #written = 0;
  #logListeners = new Set<(line: string) => void>();
  readonly #tell: (event: RigEvent) => void;
  readonly #install: (link: VelocityLink) => Bench['install'];

  /** `tell` takes what happens; by default it goes to the session's record. */
  constructor(session: Session, tell: (event: RigEvent) => void = recorder(session)) {
    this.#session = session;
    this.#tell = tell;
    this.#install = installer();
  }

  get device(): Device {
    if (!this.#device) throw new Error(`${this.#session.entry.name} was not started`);
    return this.#device;
  }

  get bench(): Bench {
    const { device } = this;
    const { entry, images } = this.#session;
    const flashed =
      entry.kind === 'emulated' ? entry.emulated.image === undefined : entry.flash.by !== 'none';
    return {
      entry,
      device,
      get link() {
        return device.link;
      },
      build: flashed ? images.build : undefined,
      install: async (program, options?: Request<'install'>) => {
        await device.sampleAgain(); // what the version before cost, for the plot
        return this.#install(device.link)(program, options);
      },
      remove: async (name) => {
        await device.sample();
        await device.link.remove(name);
      },
      log: (line) => {
        for (const listener of this.#logListeners) listener(line);
      },
    };
  }

  onLog(listener: (line: string) => void): () => void {
    this.#logListeners.add(listener);
    return () => this.#logListeners.delete(listener);
  }

  async #phase(phase: 'power' | 'flash' | 'boot', work: () => Promise<string>): Promise<void> {
    const board = this.#session.entry.name;
    const began = performance.now();
    try {
      const detail = await work();
      this.#tell({
        event: 'phase',
        board,
        phase,
        passed: true,
        ms: Math.round(performance.now() - began),
        detail,
      });
    } catch (error) {
      const cause = await this.#whyNoBoot(error, performance.now() - began);
      this.#tell({
        event: 'phase',
        board,
        phase,
        passed: false,
        ms: Math.round(performance.now() - began),
        detail: 'failed',
        cause,
      });
      this.#broken = `${phase} failed`;
      throw error;
    }
  }

  /** Power, flash, boot. @throws when one of them fails; the record says why */
  async start(): Promise<void> {
    const { entry, images } = this.#session;
    if (entry.kind === 'emulated') await this.#startEmulated();
    else {
      this.#device = new Device(entry, { address: entry.serial!, stop: async () => {} });
      await startReal(
        entry,
        images,
        (phase, work) => this.#phase(phase, work),
        () => this.#listen(),
      );
    }
    await this.#phase('boot', async () => {
      const info = await this.device.connect(entry.bootSeconds * 1000);
      return `${info.board}: velocity ${info.version}, ${info.cores} cores`;
    });
  }

  /** The line is opened before the board has power, so that its first words are heard. */
  async #listen(): Promise<void> {
    try {
      await this.device.listen();
    } catch (error) {
      await this.#phase('boot', () => Promise.reject(error));
    }
  }

  async #startEmulated(): Promise<void> {
    const { entry, images } = this.#session;
    let flashed: ReturnType<typeof flashEmulated> | undefined;
    await this.#phase('flash', async () => {
      flashed = flashEmulated(entry, images);
      return flashed.detail;
    });
    await this.#phase('power', async () => {
      this.#powered = await startEmulated(entry, flashed!);
      this.#powered.exited?.then((error) => {
        this.#emulator = error;
      });
      this.#device = new Device(entry, this.#powered);
      return 'the emulator runs';
    });
  }

  /** Those of the image that was flashed; other ones would name the wrong functions. */
  #symbols(): Symbols | undefined {
    const { entry, images } = this.#session;
    const { image = images.image } = entry.emulated;
    const elf = entry.emulated.image ? join(dirname(image), 'kernel.elf') : images.elf;
    if (!existsSync(elf) || !existsSync(image)) return undefined;
    const symbols = readSymbols(elf);
    return readFileSync(image).includes(Buffer.from(symbols.buildId, 'hex')) ? symbols : undefined;
  }

  async #stoppedCores(): Promise<StoppedCore[]> {
    const control = this.#powered?.control;
    if (!control || this.#emulator) return [];
    const symbols = this.#symbols();
    const states = await coreStates(control).catch(() => []);
    return states.map(({ core, pc }) => {
      const at = symbols?.at(pc % LOADER_ALIGN);
      return { core, pc, where: at && `${at.name}+0x${at.offset.toString(16)}` };
    });
  }

  async #whyNoBoot(error: unknown, waitedMs: number): Promise<Cause> {
    await sleep(POSTMORTEM_MS); // the end of an emulator lags behind the end of its socket
    return bootCause({
      board: this.#session.entry.name,
      error,
      waitedMs,
      bytes: this.#device?.received ?? 0,
      lines: this.#device?.console.map(({ text }) => text) ?? [],
      cores: await this.#stoppedCores(),
      emulator: this.#emulator,
    });
  }

  async #damage(): Promise<{ here: number; there: number }> {
    try {
      const counters = await this.device.link.stats('link');
      const there = ['lines_bad', 'lines_lost', 'cut', 'crc_bad'].reduce(
        (sum, key) => sum + Number(counters[key] ?? 0),
        0,
      );
      return { here: this.device.link.health.damaged, there };
    } catch {
      return { here: 0, there: 0 };
    }
  }

  /** Why no test can run now; undefined when the board answers. */
  async whyNot(): Promise<string | undefined> {
    if (this.#broken) return `the board did not start: ${this.#broken}`;
    if (this.#emulator) return 'the emulator ended';
    try {
      await this.device.link.echo('there?');
      return undefined;
    } catch {
      return this.#revive();
    }
  }

  /** Why the emulator ended, if it did: what failed then failed because of it. */
  async emulatorEnd(): Promise<Cause | undefined> {
    await sleep(POSTMORTEM_MS);
    return this.#emulator && { code: 'emulator_died', sentence: this.#emulator.message };
  }

  /** A board that hangs is started once more, so that the tests after it say something too. */
  async #revive(): Promise<string | undefined> {
    const { entry } = this.#session;
    try {
      await this.device.reconnect(entry.bootSeconds * 1000);
      this.#tell({
        event: 'note',
        board: entry.name,
        text: 'the line was opened anew: the board did not answer',
      });
      return undefined;
    } catch {
      return 'the board does not answer any more';
    }
  }

  /** What a test that failed left behind must not fail the next one too. */
  async #tidy(): Promise<void> {
    try {
      for (const { name } of await this.device.link.modules()) await this.device.link.remove(name);
      for (const { id } of await this.device.link.evidenceAll()) await this.device.link.evidenceAck(id);
    } catch {} // the next test finds out
  }

  async watch(): Promise<Watch> {
    await this.#tidy();
    await this.device.sample();
    const { here, there } = await this.#damage();
    return {
      began: performance.now(),
      unwanted: this.device.unwantedStarts.length,
      damagedHere: here,
      damagedThere: there,
    };
  }

  #record(each: Case, outcome: TestRecord['outcome'], more: Partial<TestRecord>): void {
    this.#flushConsole();
    this.#tell({
      event: 'test',
      board: this.#session.entry.name,
      suite: each.suite,
      test: each.name,
      outcome,
      ms: 0,
      attempts: [],
      log: [],
      ...(each.retry && (more.attempts?.length ?? 0) > 1 ? { retried: each.retry.because } : {}),
      ...more,
    });
  }

  skipped(each: Case, why: string): void {
    this.#record(each, 'skipped', { why });
  }

  async passed(
    each: Case,
    attempts: readonly Attempt[],
    log: readonly string[],
    { began }: Watch,
  ): Promise<void> {
    await this.device.sample();
    this.#record(each, 'passed', { attempts, log, ms: Math.round(performance.now() - began) });
  }

  async failed(
    each: Case,
    attempts: readonly Attempt[],
    log: readonly string[],
    error: unknown,
    watch: Watch,
  ): Promise<void> {
    const ms = Math.round(performance.now() - watch.began);
    await sleep(this.#powered?.exited ? POSTMORTEM_MS : 0);
    const damage = await this.#damage();
    const crash = await this.#crash();
    const cause = testCause({
      error,
      emulator: this.#emulator,
      unwantedStarts: this.device.unwantedStarts.length - watch.unwanted,
      crash,
      damagedHere: Math.max(0, damage.here - watch.damagedHere),
      damagedThere: Math.max(0, damage.there - watch.damagedThere),
    });
    this.#record(each, 'failed', { attempts, log, ms, cause });
  }

  async #crash(): Promise<string | undefined> {
    try {
      const record = await this.device.link.crash();
      const symbols = this.#symbols();
      const at = symbols?.buildId === record.build ? symbols.at(record.elr) : undefined;
      return describeCrash(record, at && `${at.name}+0x${at.offset.toString(16)}`);
    } catch {
      return undefined;
    }
  }

  #flushConsole(): void {
    const lines = this.#device?.console.slice(this.#written) ?? [];
    this.#written += lines.length;
    const text = lines.map((line) => `${(line.ms / 1000).toFixed(3).padStart(9)}  ${line.text}\n`).join('');
    if (text) append(consolePath(this.#session), text);
  }

  /** Collects, then switches off. */
  async end(): Promise<void> {
    const device = this.#device;
    this.#flushConsole();
    if (device?.isConnected) {
      const crash = (await this.#crash()) ?? '';
      this.#tell({
        event: 'board_end',
        board: this.#session.entry.name,
        model: device.info?.board ?? '',
        build: device.info?.build ?? '',
        console: consolePath(this.#session),
        starts: device.starts,
        samples: device.samples,
        crash,
        link: device.lineFacts,
      });
    }
    await device?.disconnect();
    await this.#powered?.stop();
  }
}
