/** The grammar (GBNF, as llama.cpp reads it) of answers: edits in the assembler's syntax, generated from its tables. */
import { aluSymbols, branchSymbols } from '../ebpf/index.ts';

const alternatives = (values: readonly string[]) => values.map((v) => JSON.stringify(v)).join(' | ');

/**
 * @param lines number of lines of the program: edits can only name those.
 * @param labels labels that jumps may go to.
 */
export const answerGrammar = (lines: number, labels: readonly string[]): string => {
  const goto = labels.length > 0 ? ' | wide " " branch " " value " goto " label | "goto " label' : '';
  const jump = goto.replace('wide " "', '"if " wide " "');
  return [
    'root ::= edit edit? edit?',
    'edit ::= "replace " number " " number "\\n" line line? line? line? line? line? line? line? "end\\n"',
    `number ::= ${alternatives(Array.from({ length: lines }, (_, i) => String(i + 1)))}`,
    'line ::= statement "\\n"',
    `statement ::= wide " " alu " " value | narrow " " alu " " narrowvalue | wide " = " memory | memory " = " wide${jump}`,
    `alu ::= ${alternatives(Object.values(aluSymbols))}`,
    `branch ::= ${alternatives(Object.values(branchSymbols))}`,
    'wide ::= "r" [0-9]',
    'base ::= "r10" | wide',
    'narrow ::= "w" [0-9]',
    'memory ::= "*(" size " *)(" base " " sign " " hex ")"',
    'size ::= "u8" | "u16" | "u32" | "u64"',
    'sign ::= "+" | "-"',
    'value ::= wide | "-"? hex',
    'narrowvalue ::= narrow | "-"? hex',
    'hex ::= "0x" [0-9a-f] [0-9a-f]? [0-9a-f]? [0-9a-f]?',
    ...(labels.length > 0 ? [`label ::= ${alternatives(labels)}`] : []),
  ].join('\n');
};
