/** What registers hold behind a loop, written from registers, and the way on. */
import type { Operand } from '../instruction.ts';
import { type Code, type Node, nodeOf } from '../optimiser/code.ts';
import { NoPlace } from './frame.ts';
import type { Outcome, Result } from './plan.ts';

/** In place of a register, for what can't be written. */
export const NOWHERE = -1;

/** @throws NoPlace for a number that is no immediate */
export const immediate = (value: bigint): Operand => {
  const imm = Number(value);
  if (imm !== (imm | 0)) throw new NoPlace();
  return { kind: 'imm', imm };
};

export const register = (reg: number): Operand => ({ kind: 'reg', reg });

export const alu = (
  op: 'mov' | 'add' | 'sub' | 'mod' | 'lsh' | 'rsh' | 'arsh' | 'or' | 'xor' | 'and',
  dst: number,
  src: Operand,
  width: 32 | 64 = 64,
): Node => nodeOf({ kind: 'alu', width, op, dst, src });

/**
 * None is overwritten while another one is still made of it.
 * @param made the register that holds what the loop gathered
 * @param held where the value of a register is by now
 */
export const outcomeNodes = (
  { to, results }: Outcome,
  code: Code,
  made: number = NOWHERE,
  held: (r: number) => number = (r) => r,
): Node[] => {
  const out: Node[] = [];
  const sources = (r: Result): number[] =>
    r.kind === 'value'
      ? r.value.terms.map(({ atom, by }) => (atom.kind === 'reg' && by === 1n ? held(atom.reg) : NOWHERE))
      : [made];
  const stays = (dst: number, r: Result) =>
    r.kind === 'value' && r.value.constant === 0n && sources(r).join() === `${dst}`;
  const open = new Map([...results].filter(([dst, r]) => !stays(dst, r)));
  while (open.size > 0) {
    const next = [...open].find(
      ([dst]) => ![...open].some(([o, r]) => o !== dst && sources(r).includes(dst)),
    );
    if (!next) throw new NoPlace();
    const [dst, result] = next;
    const [first, ...others] = sources(result);
    const constant = result.kind === 'value' ? result.value.constant : 0n;
    if (first === NOWHERE || others.includes(dst)) throw new NoPlace();
    if (first === undefined) out.push(alu('mov', dst, immediate(constant)));
    else if (first !== dst) out.push(alu('mov', dst, register(first)));
    for (const other of others) out.push(alu('add', dst, register(other)));
    if (first !== undefined && constant !== 0n) out.push(alu('add', dst, immediate(constant)));
    open.delete(dst);
  }
  return [...out, nodeOf({ kind: 'jump', long: false, off: 0 }, code[to]!)];
};
