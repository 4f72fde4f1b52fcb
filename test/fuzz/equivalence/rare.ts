/** Mutants that differ at one value of one register, which some run is known to have there: as rare as mistakes get. */
import type { Host, ModuleProgram } from '../../../ebpf/index.ts';
import { type Instruction, slotsOf } from '../../../ebpf/instruction.ts';
import { copyCode, lift, lower, type Node, nodeOf, replaceNodes } from '../../../ebpf/optimiser/index.ts';
import { liveAfter } from '../../../ebpf/optimiser/liveness.ts';
import { registersOf } from '../../../ebpf/prover/flow.ts';
import type { Random } from '../../../ebpf/random.ts';
import type { RunInput } from '../../../ebpf/wasm/index.ts';

type Visit = { readonly slot: number; readonly registers: BigUint64Array };

/** A place that a run passes and what is in the registers: any, the last turn at it, or the first. */
const visitOf = (host: Host, program: ModuleProgram, input: RunInput, random: Random): Visit | undefined => {
  const visits: Visit[] = [];
  const observe: RunInput['observe'] = (slot, registers) =>
    void visits.push({ slot, registers: registers.slice() });
  if (!host.run(program, { ...input, observe }).ok || visits.length === 0) return undefined;
  const any = random.pick(visits);
  const there = visits.filter(({ slot }) => slot === any.slot);
  return random.pick([any, there[0]!, there.at(-1)!]);
};

const MIN_IMM = -(2 ** 31);

/** Jumps on unless the register holds the value. */
const unless = (register: number, value: bigint, free: number | undefined, on: Node, random: Random) => {
  const signed = BigInt.asIntN(64, value);
  const fits = signed >= MIN_IMM && signed < -MIN_IMM;
  const isWide = !random.once(3) && (fits || free !== undefined);
  const imm = Number(BigInt.asIntN(32, value));
  const branch = (src: Extract<Instruction, { kind: 'branch' }>['src'], width: 32 | 64) =>
    nodeOf({ kind: 'branch', op: 'jne', width, dst: register, src, off: 0 }, on);
  if (!isWide) return [branch({ kind: 'imm', imm }, 32)];
  if (fits) return [branch({ kind: 'imm', imm }, 64)];
  const load = nodeOf({ kind: 'ld_imm64', form: 'number', dst: free!, imm: value });
  return [load, branch({ kind: 'reg', reg: free! }, 64)];
};

/** What is done where it holds the value, then. */
const harm = (node: Node, next: Node | undefined, register: number, random: Random): Node[] | undefined => {
  const { op } = node;
  if (random.once(2)) {
    const by = random.pick([1, 1, 2, 0x80, -1, MIN_IMM]);
    const change = random.pick(['add', 'xor', 'or', 'and'] as const);
    const width = random.pick([32, 64] as const);
    return [nodeOf({ kind: 'alu', op: change, width, dst: register, src: { kind: 'imm', imm: by } })];
  }
  if (!next) return undefined;
  const leave = nodeOf({ kind: 'jump', long: false, off: 0 }, next);
  if (op.kind === 'branch')
    return [nodeOf(op, next), nodeOf({ kind: 'jump', long: false, off: 0 }, node.target)];
  return op.kind === 'exit' || op.kind === 'jump' || op.kind === 'call' ? undefined : [leave];
};

const registersIn = (mask: number) => Array.from({ length: 10 }, (_, r) => r).filter((r) => mask & (1 << r));

/** The program with one such mistake; undefined where none could be made on the way of this run. The verifier may refuse it. */
export const rareMutant = (
  host: Host,
  program: ModuleProgram,
  input: RunInput,
  random: Random,
): Uint8Array | undefined => {
  const visit = visitOf(host, program, input, random);
  if (!visit) return undefined;
  const code = copyCode(lift(program.code));
  let slot = 0;
  const at = code.findIndex((node) => {
    const here = slot === visit.slot;
    slot += slotsOf(node.op);
    return here;
  });
  const node = code[at];
  if (!node) return undefined;
  const { reads, writes } = registersOf(node.op);
  const live = reads | (liveAfter(code)[at]! & ~writes);
  const [alive, free] = [registersIn(live), registersIn(~live & 0x3ff)];
  if (alive.length === 0) return undefined;
  const register = random.pick(alive);
  const kept = nodeOf(node.op, node.target);
  const made = harm(kept, code[at + 1], random.pick(alive), random);
  if (!made) return undefined;
  const guard = unless(register, visit.registers[register]!, free[0], kept, random);
  try {
    return lower(replaceNodes(code, (n) => (n === node ? [...guard, ...made, kept] : undefined)));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};
