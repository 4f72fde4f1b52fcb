/** The ends of a program as the prover's terms say them, held against runs: a wrong term makes wrong proofs of any pair. */
import { isDeepStrictEqual } from 'node:util';
import { bpf, helpers } from '../../../abi/index.ts';
import { decodeProgram, type Host, type ModuleProgram } from '../../../ebpf/index.ts';
import type { Operation } from '../../../ebpf/operation.ts';
import { Facts } from '../../../ebpf/prover/facts.ts';
import { readByte } from '../../../ebpf/prover/memory.ts';
import { Explorer } from '../../../ebpf/prover/paths.ts';
import { Simplifier } from '../../../ebpf/prover/simplify.ts';
import type { State } from '../../../ebpf/prover/state.ts';
import { ProofLimit, type Term } from '../../../ebpf/prover/term.ts';
import { World } from '../../../ebpf/prover/world.ts';
import type { RunInput, RunResult } from '../../../ebpf/wasm/index.ts';
import { Inputs } from './inputs.ts';
import { sizeOf } from './pair.ts';

const MAX_PATHS = 64;
const MAX_STEPS = 50_000;
/** Terms that a summary may be made of: more take too long for what they show. */
const MAX_TERMS = 150_000;
const SIMPLIFIER_STEPS = 20_000;

type End = { readonly state: State; readonly simplified: Term };

/** All ends of a program; undefined where there are too many, or something is not understood. */
export const endsOf = (
  program: ModuleProgram,
  size: { readonly memorySize?: number } = sizeOf(program),
): readonly End[] | undefined => {
  const { hook, maps, code } = program;
  const world = new World({ hook, maps, ...size });
  const isOver = () => world.algebra.work > MAX_TERMS;
  const explorer = new Explorer(decodeProgram(code), { maxPaths: MAX_PATHS, maxSteps: MAX_STEPS, isOver });
  try {
    return explorer.run(world, [], new Facts(world.algebra)).map((state) => {
      const simplifier = new Simplifier(world.algebra, state.facts, { left: SIMPLIFIER_STEPS });
      return { state, simplified: simplifier.simplify(state.register(0)) };
    });
  } catch (error) {
    if (error instanceof ProofLimit || error instanceof RangeError) return undefined;
    throw error;
  }
};

/** Helpers whose calls are events. */
const ASKED = new Set(
  [
    helpers.map_update_elem,
    helpers.map_delete_elem,
    helpers.ktime_get_ns,
    helpers.trace_printk,
    helpers.get_prandom_u32,
    helpers.ringbuf_output,
  ].map(({ id }): number => id),
);

type Seen = { readonly result: RunResult; readonly answers: readonly bigint[] };

/** The register that an event's answer comes in; `isOwn`: whether nobody else sees what is at an address. */
const answerOf = (
  i: Operation | undefined,
  registers: BigUint64Array,
  isOwn: (address: bigint) => boolean,
): number | undefined => {
  if (i?.kind === 'call') return i.form === 'helper' && ASKED.has(i.imm) ? 0 : undefined;
  if (i?.kind !== 'atomic' || !i.fetch || isOwn(registers[i.dst]!)) return undefined;
  return i.op === 'cmpxchg' ? 0 : i.src;
};

const watched = (host: Host, program: ModuleProgram, input: RunInput): Seen => {
  const operations = new Map(decodeProgram(program.code).map((i) => [i.slot, i]));
  const answers: bigint[] = [];
  let asked: number | undefined;
  /** Of the memory that is given and of each frame: first byte and length. */
  const own = new Map<bigint, number>();
  const isOwn = (address: bigint) =>
    [...own].some(([from, length]) => address >= from && address < from + BigInt(length));
  const observe: RunInput['observe'] = (slot, registers) => {
    if (asked !== undefined) answers.push(registers[asked]!);
    if (own.size === 0 && program.hook === 'run') own.set(registers[1]!, input.memory?.length ?? 0);
    own.set(registers[10]! - BigInt(bpf.STACK_BYTES), bpf.STACK_BYTES);
    asked = answerOf(operations.get(slot), registers, isOwn);
  };
  return { result: host.run(program, { ...input, observe }), answers };
};

const bytesOf = (state: State, name: 'memory' | 'packet', inputs: Inputs, size: number): Uint8Array => {
  const { algebra } = state.world;
  const region = state.world.regionNamed(name);
  const memory = state.memory(region);
  return Uint8Array.from({ length: size }, (_, at) =>
    Number(inputs.value.value(readByte(algebra, memory, algebra.const(at, 64), state.initial(region)))),
  );
};

const wrongIn = (
  { state, simplified }: End,
  inputs: Inputs,
  program: ModuleProgram,
  result: RunResult & { ok: true },
): string | undefined => {
  const r0 = inputs.value.value(state.register(0));
  if (r0 !== result.r0) return `r0 is ${result.r0}, by the prover's terms ${r0}`;
  const short = inputs.value.value(simplified);
  if (short !== r0) return `r0 is ${r0}, simplified ${short}`;
  const name = program.hook === 'run' ? 'memory' : 'packet';
  const bytes = bytesOf(state, name, inputs, result.memory.length);
  const at = bytes.findIndex((byte, i) => byte !== result.memory[i]);
  if (at >= 0) return `${name}[${at}] is ${result.memory[at]}, by the prover's terms ${bytes[at]}`;
  for (const [i, contents] of result.maps.entries()) {
    const region = state.world.regionNamed(`map${i}`);
    const said = inputs.written(i, state.version(region), state.memory(region));
    if (!isDeepStrictEqual(said, contents))
      return `map ${i} holds something else than the prover's terms say`;
  }
  return undefined;
};

/** What a run shows that the ends do not say; undefined when all is said. */
export const unsaid = (
  host: Host,
  program: ModuleProgram,
  ends: readonly End[],
  input: RunInput,
): string | undefined => {
  const { result, answers } = watched(host, program, input);
  if (!result.ok) return `a run ends with ${result.error.code}`;
  const reached = ends
    .map((end) => ({ end, inputs: new Inputs(program, end.state, input, answers) }))
    .filter(({ end, inputs }) => end.state.conditions.every((c) => inputs.value.value(c) === 1n));
  const [one, more] = reached;
  if (!one || more) return `a run comes to ${reached.length} of the ends`;
  return wrongIn(one.end, one.inputs, program, result);
};
