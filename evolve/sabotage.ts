/**
 * Proposals that must not succeed: they exist to exercise the defences, in demonstrations and in tests. No proposer of the
 * loop uses them. `makeUnsafe` must be refused by the verifier; `makeSlower` does the same work more slowly, so that it passes
 * every proof and only the board's own watch on its canary can take it back.
 */
import { encodeProgram, type ModuleProgram, type Operation, verify } from '../ebpf/index.ts';
import { type Code, lift, lower, type Node, nodeOf, replaceNodes } from '../ebpf/optimiser/index.ts';
import type { Proposal } from './proposer.ts';

/** Branches that check a pointer: against null after a lookup, or against the end of the frame. */
const isCheck = (node: Node, previous: Node | undefined): boolean => {
  const { op } = node;
  if (op.kind !== 'branch' || op.width !== 64) return false;
  const isNullCheck = op.src.kind === 'imm' && op.src.imm === 0 && (op.op === 'jeq' || op.op === 'jne');
  if (isNullCheck) return previous?.op.kind === 'call' || op.dst === 0;
  return op.src.kind === 'reg' && ['jgt', 'jge', 'jlt', 'jle'].includes(op.op);
};

const dropCheck = (code: Code): Code | undefined => {
  const index = code.findIndex((node, i) => isCheck(node, code[i - 1]));
  if (index < 0) return undefined;
  const { op, target } = code[index]!;
  const skipsOnFail = op.kind === 'branch' && ['jeq', 'jgt', 'jge'].includes(op.op);
  const instead = skipsOnFail ? [] : [nodeOf({ kind: 'jump', long: false, off: 0 }, target)];
  return replaceNodes(code, (_, i) => (i === index ? instead : undefined));
};

/** Far beyond any stack, context, map value or frame that a module has. */
const FAR = 0x7000;

const widenIndex = (code: Code): Code | undefined => {
  const index = code.findIndex(({ op }) => op.kind === 'load' || op.kind === 'store');
  if (index < 0) return undefined;
  const node = code[index]!;
  const moved = nodeOf({ ...node.op, off: FAR } as Operation, node.target);
  return replaceNodes(code, (_, i) => (i === index ? [moved] : undefined));
};

/** `r0 = *(u64 *)(r1 + FAR); exit` is unsafe in every hook. */
const readFar = (): Uint8Array =>
  encodeProgram([{ kind: 'load', size: 8, signed: false, dst: 0, src: 1, off: FAR }, { kind: 'exit' }]);

const isRefused = async (program: ModuleProgram, code: Uint8Array) =>
  !(await verify({ ...program, code })).ok;

/**
 * The program without one of its checks, as someone in a hurry would make it faster; where the verifier can tell that the
 * check was not needed, the program with an access moved far out of bounds. The verifier refuses it either way.
 */
export const makeUnsafe = async (program: ModuleProgram): Promise<Proposal> => {
  const variants: [string, Code | undefined][] = [
    ['drops a pointer check', dropCheck(lift(program.code))],
    ['widens an index', widenIndex(lift(program.code))],
  ];
  for (const [note, made] of variants) {
    const code = made && lower(made);
    if (code && (await isRefused(program, code))) return { code, proposer: 'sabotage', note };
  }
  return { code: readFar(), proposer: 'sabotage', note: 'reads far outside its context' };
};

/**
 * The program behind a loop of `turns` turns that computes nothing: equivalent by proof, slower by 2 × turns instructions.
 * r0 is free at entry, since no verified program reads it there.
 */
export const makeSlower = (code: Uint8Array, turns = 24): Proposal => {
  const zero = nodeOf({ kind: 'alu', width: 64, op: 'mov', dst: 0, src: { kind: 'imm', imm: 0 } });
  const step = nodeOf({ kind: 'alu', width: 64, op: 'add', dst: 0, src: { kind: 'imm', imm: 1 } });
  const again = nodeOf(
    { kind: 'branch', width: 64, op: 'jne', dst: 0, src: { kind: 'imm', imm: turns }, off: 0 },
    step,
  );
  return {
    code: lower([zero, step, again, ...lift(code)]),
    proposer: 'sabotage',
    note: `wastes ${turns} turns of a loop`,
  };
};
