/** What a board tells of its modules, held to a model: lists, maps, counters, evidence, calls. */
import { setTimeout as sleep } from 'node:timers/promises';
import { statusOf } from '../../../abi/index.ts';
import type { ModuleInfo, VelocityLink } from '../../../link/index.ts';
import { Difference, expectSame } from './difference.ts';
import { hex, MESSAGE_VALUE_BYTES, type ModelMap } from './map.ts';
import type { Model, Module } from './model.ts';

const SETTLE_POLL_MS = 5;
/** How long what was thrown out may take to be freed, and a canary of the timer hook to be judged. */
const SETTLE_MS = 30_000;

const NO_FRAME = new Uint8Array(0);

/** Of cycles nothing is known here. */
const reasonOf = (reason: number): string => {
  const { name } = statusOf(reason);
  return ['canary_slower', 'canary_over_budget'].includes(name) ? 'judged' : name;
};

/** A canary of the timer hook in shadow mode whose predecessor returns something else: its first call ends it. */
const disagrees = ({ hook, watch, running }: Module): boolean => {
  if (hook !== 'timer' || !watch?.shadow || !running.previous) return false;
  const [result, expected] = [running, running.previous].map(({ program, maps }) =>
    program.run(NO_FRAME, maps, 0),
  );
  return result !== expected;
};

export class Told {
  readonly #link: VelocityLink;
  readonly #model: Model;

  constructor(link: VelocityLink, model: Model) {
    this.#link = link;
    this.#model = model;
  }

  /** What became of canaries is taken from the board: they are judged by cycles, and on the timer hook at any time. */
  #observe(listed: readonly ModuleInfo[]): void {
    for (const module of this.#model.modules) {
      if (!module.watch) continue;
      const seen = listed.find(({ name }) => name === module.name);
      if (seen?.version !== module.running.number) this.#thrownOut(module, seen?.version);
      else if (seen.state === 'live') this.#promoted(module);
      else this.#stillWatched(module);
    }
  }

  #stillWatched({ name, hook, watch }: Module): void {
    if (hook !== 'timer' && watch!.calls >= watch!.window)
      throw new Difference(`${name} is a canary still, after ${watch!.calls} calls of ${watch!.window}`);
  }

  #promoted(module: Module): void {
    if (disagrees(module))
      throw new Difference(`${module.name} is promoted, and returns something else than its predecessor`);
    this.#model.promote(module);
  }

  #thrownOut(module: Module, version: number | undefined): void {
    const { name, running, hook, watch } = module;
    expectSame(`the version of ${name} after its canary`, version, running.previous?.number);
    if (hook !== 'timer' && watch!.calls === 0)
      throw new Difference(`${name} was thrown out before it was called`);
    this.#model.takeBack(module, disagrees(module) ? 'canary_disagreed' : 'judged');
  }

  /** What the board lists, and what it lists must be what the model has. */
  async modules(): Promise<void> {
    const listed = await this.#link.modules();
    this.#observe(listed);
    const seen = listed.map(({ name, hook, version, state, sha, previous, cores }) => [
      ...[name, hook, version, state, hex(sha), hex(previous), cores],
    ]);
    const expected = this.#model.modules.map(({ name, hook, running, watch }) => [
      ...[
        name,
        hook,
        running.number,
        watch ? 'canary' : 'live',
        running.sha,
        running.previous?.sha ?? '',
        running.cores,
      ],
    ]);
    expectSame('the modules', seen, expected);
  }

  /** A canary that is thrown out takes its maps with it. */
  async settleTimers(): Promise<void> {
    if (this.#model.modules.some(({ hook, watch }) => hook === 'timer' && watch)) await this.settle();
  }

  /** Until nothing changes by itself: canaries of the timer hook are judged, what was thrown out is freed. */
  async settle(): Promise<void> {
    for (const deadline = performance.now() + SETTLE_MS; ; ) {
      await this.modules();
      const { versions_made, versions_freed } = await this.#link.stats('velocity');
      const resident = Number(versions_made) - Number(versions_freed);
      const isWatched = this.#model.modules.some(({ hook, watch }) => hook === 'timer' && watch);
      if (!isWatched && resident === this.#model.resident) return;
      if (performance.now() > deadline) {
        expectSame('versions in memory', resident, this.#model.resident);
        throw new Difference('a canary of the timer hook is not judged');
      }
      await sleep(SETTLE_POLL_MS);
    }
  }

  /** All that the board tells. @throws Difference */
  async all(): Promise<void> {
    await this.settle();
    await this.#maps();
    await this.#books();
    const { period_us } = await this.#link.timer();
    expectSame('the period of the timer', period_us, this.#model.periodUs);
    const { sequence } = await this.#link.info();
    expectSame('the newest sequence number', sequence, this.#model.sequence);
  }

  async #maps(): Promise<void> {
    const listed = await this.#link.maps();
    const seen = listed.map((m) => [
      m.name,
      m.type,
      m.key_size,
      m.value_size,
      m.max_entries,
      m.entries,
      m.users,
    ]);
    const expected = this.#model.maps.map(({ definition: d, entries, users }) => [
      ...[d.name, d.type, d.keySize, d.valueSize, d.maxEntries, entries, users],
    ]);
    expectSame('the maps', seen, expected);
    for (const map of this.#model.maps) await this.#entries(map);
  }

  /** Of two with one name one is read. */
  async #entries(map: ModelMap): Promise<void> {
    const { name, maxEntries } = map.definition;
    if (this.#model.mapNamed(name) !== map || map.valueBytes > MESSAGE_VALUE_BYTES) return;
    const seen: [string, string][] = [];
    for await (const { key, value } of this.#link.mapEntries({ name, max_entries: maxEntries }))
      seen.push([hex(key), hex(value)]);
    const expected = map.keys.map((key) => [key, hex(map.read(Buffer.from(key, 'hex')) as Buffer)]);
    expectSame(`the entries of ${name}`, seen.sort(), expected.sort());
  }

  /** Counters, evidence, and how often what runs was called. */
  async #books(): Promise<void> {
    const model = this.#model;
    const stats = await this.#link.stats('velocity');
    const names = Object.keys(model.counters);
    const seen = names.map((name) => [name, Number(stats[name] ?? 0)]);
    expectSame('the counters', seen, Object.entries(model.counters));
    const records = await this.#link.evidenceAll();
    const evidence = records.map(({ name, version, reason }) => [name, version, reasonOf(reason)]);
    const due = model.evidence.map(({ name, version, reason }) => [name, version, reason]);
    expectSame('the evidence', evidence.sort(), due.sort());
    const counted = model.modules.filter(({ hook }) => hook !== 'timer');
    const rows = await this.#link.telemetryAll();
    expectSame(
      'the calls',
      counted.map(({ name }) => [name, Number(rows.find((row) => row.name === name)?.calls ?? -1)]),
      counted.map(({ name, running }) => [name, running.calls]),
    );
  }
}
