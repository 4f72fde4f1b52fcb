/** Runs programs in the kernel's interpreter, on the host. */
import { type ContextField, hooks } from '../../abi/index.ts';
import type { HookName } from '../elf/index.ts';
import type { HostInstance, World } from './instance.ts';
import { compileProgram } from './jit.ts';
import { createMaps, type MapState, readMap } from './map-state.ts';
import { errorOfCode, hand, type Program, type ProgramError, refuse } from './program.ts';
import { type VectorCall, type VectorCode, vectorCodeOf, vectorPrice } from './vector-price.ts';

export type RunInput = {
  /** Hook run: what r1 points to and r2 counts. Hook packet: the frame. */
  readonly memory?: Uint8Array;
  /** Context fields of the hook by name; 0 where absent. `data`, `data_end` and `len` follow from `memory`. */
  readonly context?: Readonly<Record<string, number | bigint>>;
  /** Contents of each of the program's maps, by index; percpu maps on the core of the run. */
  readonly maps?: readonly (MapState | undefined)[];
  /** Board time that the program sees. Default: 1 µs later at each call, from 0. */
  readonly timeNs?: () => bigint;
  /** Random numbers that the program sees, 32 bits. Default: the same sequence in each run. */
  readonly random?: () => number;
  /** Core that it runs on, 0..3. Default 0. */
  readonly core?: number;
  /** Instructions after which the run ends with `budget_exceeded`. Default: the budget of the hook. */
  readonly stepLimit?: number;
  /** Called before each instruction with r0..r10; `read` gives memory that a register points to. Slow. */
  readonly observe?: (
    slot: number,
    registers: BigUint64Array,
    read: (at: number, size: number) => Uint8Array,
  ) => void;
};

export type RunResult =
  | {
      readonly ok: true;
      readonly r0: bigint;
      /** `input.memory` as the program left it. */
      readonly memory: Uint8Array;
      readonly maps: readonly MapState[];
      /** eBPF instructions executed. */
      readonly steps: number;
      /** The same, a call of a vector helper counted as the A64 instructions that it executes on a Cortex-A72, about. */
      readonly executed: number;
      /** Those of vector helpers alone. */
      readonly vectorInsns: number;
      /** Lines of trace_printk. */
      readonly log: readonly string[];
    }
  | { readonly ok: false; readonly error: ProgramError; readonly steps: number };

const defaultWorld = (host: HostInstance, input: RunInput, log: string[], calls: VectorCall[]): World => {
  const read = (at: number, size: number) => host.bytes(at, size).slice();
  let time = 0n;
  let seed = 0x2545f491;
  const nextTime = () => {
    time += 1000n;
    return time;
  };
  const nextRandom = () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return seed >>> 0;
  };
  return {
    timeNs: input.timeNs ?? nextTime,
    random: input.random ?? nextRandom,
    log: (line) => log.push(line),
    observe: (slot, registers) => input.observe?.(slot, registers, read),
    vector: (slot, id, first, second) => calls.push({ slot, id, first, second }),
  };
};

const derived = (hook: HookName, field: ContextField, at: number, size: number): number | undefined => {
  if (field.holds === 'packet') return at;
  if (field.holds === 'packet_end') return at + size;
  return hook === 'packet' && field.name === 'len' ? size : undefined;
};

/** The context struct of a hook: fields in order, each aligned to its size. */
const contextBytes = (hook: HookName, input: RunInput, at: number): Uint8Array => {
  const fields: readonly ContextField[] = hooks[hook].context;
  const out = Buffer.alloc(fields.length * 8);
  let offset = 0;
  for (const field of fields) {
    const size = field.type === 'u64' ? 8 : 4;
    offset = Math.ceil(offset / size) * size;
    const value = BigInt(
      derived(hook, field, at, input.memory?.length ?? 0) ?? input.context?.[field.name] ?? 0,
    );
    if (size === 8) out.writeBigUInt64LE(BigInt.asUintN(64, value), offset);
    else out.writeUInt32LE(Number(BigInt.asUintN(32, value)), offset);
    offset += size;
  }
  return out;
};

/** r1 and r2 at entry. */
const argumentsOf = (
  host: HostInstance,
  program: Program,
  input: RunInput,
  memory: number,
): [bigint, bigint] => {
  if (program.hook === 'run') return [BigInt(memory), BigInt(input.memory?.length ?? 0)];
  return [BigInt(host.place(contextBytes(program.hook, input, memory))), 0n];
};

const compiled = new WeakMap<Uint8Array, ReadonlyMap<number, VectorCode>>();

/** Of the program's calls of vector helpers; none where it can't be compiled. */
const vectorCode = (host: HostInstance, program: Program, memorySize: number) => {
  const known = compiled.get(program.code);
  if (known) return known;
  const made = compileProgram(host, program, { memorySize });
  const code: ReadonlyMap<number, VectorCode> = made.ok ? vectorCodeOf(program.code, made) : new Map();
  compiled.set(program.code, code);
  return code;
};

const priceOf = (host: HostInstance, program: Program, memorySize: number, calls: readonly VectorCall[]) => {
  if (calls.length === 0) return 0;
  const code = vectorCode(host, program, memorySize);
  return calls.reduce((sum, call) => sum + vectorPrice(call, code.get(call.slot)), 0);
};

export const runProgram = (host: HostInstance, program: Program, input: RunInput): RunResult => {
  const refused = refuse(program);
  if (refused) return { ok: false, error: refused, steps: 0 };
  const log: string[] = [];
  const calls: VectorCall[] = [];
  const maps = program.maps ?? [];
  const size = input.memory?.length ?? 0;
  host.reset(defaultWorld(host, input, log, calls));
  // First, so that addresses do not depend on the code.
  const memory = host.place(input.memory ?? new Uint8Array(), 64);
  const [r1, r2] = argumentsOf(host, program, input, memory);
  hand(host, program, size);
  const bad = createMaps(host, maps, input.maps ?? [], input.core ?? 0);
  if (bad) return { ok: false, error: bad, steps: 0 };
  const limit = BigInt(input.stepLimit ?? hooks[program.hook].budget);
  const status = host.exports.host_interpret(r1, r2, limit, input.observe ? 1 : 0);
  const steps = Number(host.exports.host_steps());
  if (status !== 0) return { ok: false, error: errorOfCode(status), steps };
  const result = {
    ok: true,
    r0: BigInt.asUintN(64, host.exports.host_r0()),
    memory: host.bytes(memory, size).slice(),
    maps: maps.map((m, i) => readMap(host, i, m)),
    steps,
    log,
  } as const;
  // Last: it compiles the program, and what lies in the instance's memory is gone.
  const vectorInsns = priceOf(host, program, size, calls);
  return { ...result, executed: steps - calls.length + vectorInsns, vectorInsns };
};
