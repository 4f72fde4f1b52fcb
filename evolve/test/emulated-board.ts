/** A board made of the kernel's interpreter: keeps versions, counts executed instructions as cycles, takes back what is slower. */
import { decode } from 'cborg';
import { patchKeys, statusNamed } from '../../abi/index.ts';
import { loadHost, type ModuleProgram, programHash } from '../../ebpf/index.ts';
import type { BoardEvent } from '../../link/index.ts';
import type { BoardPort } from '../index.ts';

const tags = { 18: (inner: unknown) => inner };

const payloadOf = (patch: Uint8Array): Map<number, unknown> => {
  const options = { useMaps: true, tags: tags as never };
  const [, , payload] = decode(patch, options) as [Uint8Array, unknown, Uint8Array];
  return decode(payload, options) as Map<number, unknown>;
};

export class EmulatedBoard {
  program: ModuleProgram;
  readonly name: string;
  version = 1;
  #sequence = 0n;
  readonly #events: BoardEvent[] = [];
  installs = 0;

  constructor(name: string, program: ModuleProgram) {
    this.name = name;
    this.program = program;
  }

  async #steps(program: ModuleProgram): Promise<number> {
    const result = (await loadHost()).run(program, {});
    return result.ok ? result.executed : result.steps;
  }

  #event(kind: string, reason: string, before: number, after: number, version: number): void {
    this.#events.push({
      seq: BigInt(this.#events.length + 1),
      kind,
      name: this.name,
      version,
      reason: statusNamed(reason).code,
      time_ns: 0n,
      before: BigInt(before),
      after: BigInt(after),
      text: '',
      lost: 0n,
    });
  }

  async #install(patch: Uint8Array) {
    const code = payloadOf(patch).get(patchKeys.code.key) as Uint8Array;
    this.#sequence = BigInt(payloadOf(patch).get(patchKeys.sequence.key) as number);
    const next = { ...this.program, code };
    const [before, after] = [await this.#steps(this.program), await this.#steps(next)];
    this.installs++;
    const version = this.version + 1;
    if (after > before) this.#event('rolled_back', 'canary_slower', before, after, version);
    else {
      this.#event('promoted', 'ok', before, after, version);
      this.program = next;
    }
    this.version = version;
    const none = { verify_insns: 0n, compile_insns: 0n, check_insns: 0n, jit_bytes: 0 };
    return { name: this.name, version, insns: code.length / 8, bound: 0n, ...none };
  }

  port(): BoardPort {
    const events = this.#events;
    return {
      boardClass: async () => 'aarch64',
      boot: async () => new Uint8Array(16),
      sequence: async () => this.#sequence,
      module: async (name) =>
        name === this.name
          ? {
              id: 1,
              name,
              hook: this.program.hook,
              version: this.version,
              state: 'live',
              insns: 0,
              bound: 0n,
              jit_bytes: 0,
              sha: programHash(this.program.hookId, this.program.code, this.program.maps),
              previous: new Uint8Array(0),
              cores: 1,
              proof: 0,
            }
          : undefined,
      telemetry: async () => [],
      install: (patch) => this.#install(patch),
      async *events(since) {
        for (const event of events) if (event.seq > since) yield event;
      },
    };
  }
}
