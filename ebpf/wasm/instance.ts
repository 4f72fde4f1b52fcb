/** One instance of the compiled kernel parts, with an arena for what a call lends it. */

/** What entry points take and give; addresses are 32-bit numbers. See program.c, maps.c, interp.c, verifier.c, jit.c. */
export type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly __heap_base: WebAssembly.Global;
  host_release(): void;
  host_program(insns: number, count: number, hook: number, memorySize: number): void;
  host_map(type: number, keySize: number, valueSize: number, maxEntries: number, flags: number): number;
  host_program_limit(): number;
  host_linux(maySleep: number, catches: number, contextEnd: number, silent: number): void;
  host_part(object: number, kind: number, to: number, offset: number, end: number): void;
  host_handed(at: number, handed: number): void;
  host_inner_map(i: number, inner: number): void;
  host_map_field(i: number, offset: number, bytes: number, kind: number, holds: number, node: number): void;
  host_map_contents(i: number, contents: number): void;
  host_notes(notes: number): void;
  host_global(start: number): void;
  host_global_argument(takes: number, bytes: number): void;
  host_pool(memory: number, size: number, core: number): void;
  host_map_create(i: number, init: number, initSize: number): number;
  host_map_set(i: number, key: number, value: number): number;
  host_map_get(i: number, key: number): number;
  host_map_next(i: number, key: number, out: number): number;
  host_ring(i: number, bytesAndLost: number): number;
  host_interpret(r1: bigint, r2: bigint, stepLimit: bigint, observed: number): number;
  host_r0(): bigint;
  host_steps(): bigint;
  host_verify(workspace: number, size: number, stepBudget: bigint): number;
  host_infer(workspace: number, size: number, stepBudget: bigint): number;
  host_certificate(): number;
  host_certificate_size(): number;
  host_check(bytes: number, bytesSize: number, workspace: number, size: number, stepBudget: bigint): number;
  host_message(): number;
  host_insn(): number;
  host_busiest(): number;
  host_bound(): bigint;
  host_verifier_steps(): bigint;
  host_states(): number;
  host_facts(): number;
  host_stack_bytes(): number;
  host_explain_bytes(): number;
  host_explain(memory: number): void;
  host_explain_ways(slot: number): number;
  host_explain_place(slot: number, place: number): number;
  host_refused_register(slot: number, register: number): number;
  host_jit_environment(codeAddr: bigint, helperBase: bigint, features: number): void;
  host_jit_map(i: number, mapAddr: bigint, valueAddr: bigint): void;
  host_jit_arena(kernelAddr: bigint, userAddr: bigint): void;
  host_jit(facts: number, out: number, capacityWords: number, wordOfInsn: number): number;
  host_jit_words(): number;
  host_jit_turns(wordOfInsn: number, slot: number): number;
  host_jit_slot(wordOfInsn: number, word: number): number;
};

/** The outside world of a program that runs. */
export type World = {
  timeNs(): bigint;
  random(): number;
  log(line: string): void;
  observe(slot: number, registers: BigUint64Array): void;
  /** A vector helper is called, with these counts; 0 where it takes none. */
  vector(slot: number, id: number, first: number, second: number): void;
};

const PAGE_BYTES = 65536;

/** Asking for the processor time takes longer than all else that is done at a look at the clock. */
const BETWEEN_CPU_LOOKS_MS = 20;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** See limitTime(). */
export class OutOfTime extends Error {
  /** Slot where most of the time went. */
  readonly insn: number;
  constructor(insn: number) {
    super('the time for one program is up');
    this.insn = insn;
  }
}

export class HostInstance {
  readonly exports: Exports;
  #top: number;
  readonly #base: number;
  #world: World | undefined;
  #until = { cpuMs: Number.POSITIVE_INFINITY, wallMs: Number.POSITIVE_INFINITY };
  #cpuLookMs = 0;

  constructor(module: WebAssembly.Module) {
    const instance = new WebAssembly.Instance(module, { velocity: this.#imports() });
    this.exports = instance.exports as unknown as Exports;
    this.#base = this.exports.__heap_base.value as number;
    this.#top = this.#base;
  }

  #imports() {
    const world = () => this.#world!;
    return {
      check_time: () => this.#checkTime(),
      time_ns: () => BigInt.asIntN(64, world().timeNs()),
      random: () => world().random() | 0,
      log: (text: number, size: number) =>
        world().log(Buffer.from(this.bytes(text, size)).toString('latin1')),
      vector: (slot: number, id: number, first: number, second: number) =>
        world().vector(slot, id, first >>> 0, second >>> 0),
      observe: (slot: number, registers: number) =>
        world().observe(
          slot,
          new BigUint64Array(this.exports.memory.buffer.slice(registers, registers + 88)),
        ),
    };
  }

  #checkTime() {
    const now = performance.now();
    const looks = now >= this.#cpuLookMs;
    if (looks) this.#cpuLookMs = now + BETWEEN_CPU_LOOKS_MS;
    if (now > this.#until.wallMs || (looks && cpuMs() > this.#until.cpuMs))
      throw new OutOfTime(this.exports.host_busiest());
  }

  /**
   * From now on a verification may take so much processor time, and so much by the clock; then it ends with OutOfTime, and
   * the instance is of no more use.
   */
  limitTime(ms: number, wallMs: number) {
    this.#until = { cpuMs: cpuMs() + ms, wallMs: performance.now() + wallMs };
    this.#cpuLookMs = 0;
  }

  /** Forgets everything allocated so far. */
  reset(world?: World) {
    this.exports.host_release();
    this.#top = this.#base;
    this.#world = world;
  }

  /** Address of `size` bytes, zeroed. */
  allocate(size: number, align = 16): number {
    const at = this.lend(size, align);
    this.bytes(at, size).fill(0);
    return at;
  }

  /** Address of `size` bytes with anything in them. */
  lend(size: number, align = 16): number {
    const at = Math.ceil(this.#top / align) * align;
    this.#top = at + size;
    const { memory } = this.exports;
    const missing = this.#top - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return at;
  }

  place(data: Uint8Array, align = 16): number {
    const at = this.allocate(data.length, align);
    this.bytes(at, data.length).set(data);
    return at;
  }

  /** A view that the next allocation may end. */
  bytes(at: number, size: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, at, size);
  }

  text(at: number): string {
    const all = new Uint8Array(this.exports.memory.buffer, at);
    return Buffer.from(all.subarray(0, all.indexOf(0))).toString('utf8');
  }
}
