/** The grammar (GBNF) of answers about one loop, from the same tables as the assembler's. */
import { aluSymbols } from '../../ebpf/index.ts';
import { AFTER, LANE_CONSTANTS, TURN } from './vocabulary.ts';

const alternatives = (values: readonly string[]) => values.map((v) => JSON.stringify(v)).join(' | ');

/** Most lines before the loop, in each turn, and behind it. */
const MOST = { before: 6, turn: 16, after: 14 };

/** @param registers that the answer may name: those of the loop, and free ones. */
export const loopGrammar = (registers: number): string => {
  const names = (kind: string) => alternatives(Array.from({ length: registers }, (_, r) => `${kind}${r}`));
  return [
    `root ::= plain{0,${MOST.before}} ${JSON.stringify(TURN)} line{1,${MOST.turn}} ${JSON.stringify(AFTER)} line{0,${MOST.after}}`,
    'plain ::= wide " = " constant | compute "\\n"',
    'line ::= (compute | load | store) "\\n"',
    `constant ::= ${alternatives([...new Set(LANE_CONSTANTS)].map((c) => `0x${c.toString(16)} ll\n`))}`,
    `alu ::= ${alternatives(Object.values(aluSymbols))}`,
    'compute ::= wide " " alu " " (wide | number) | narrow " " alu " " (narrow | number)',
    'load ::= wide " = *(" ("u64" | "s8" | "s16" | "s32") " *)(" place ")" | narrow " = *(" ("u8" | "u16" | "u32") " *)(" place ")"',
    'store ::= "*(u64 *)(" place ") = " wide',
    'place ::= wide (" + " | " - ") "0x" [0-9a-f]{1,4}',
    'number ::= "-"? "0x" [0-9a-f]{1,8}',
    `wide ::= ${names('r')}`,
    `narrow ::= ${names('w')}`,
  ].join('\n');
};
