/** The grammar (GBNF) of answers about one window, from the same tables as the assembler's. */
import { aluSymbols } from '../../ebpf/index.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';
import { registersIn } from './evaluate.ts';
import { SAME } from './vocabulary.ts';
import type { Window } from './window.ts';

const alternatives = (values: readonly string[]) => values.map((v) => JSON.stringify(v)).join(' | ');

const FRAME = 10;

const maskOf = (window: Window) => {
  let reads = 0;
  let writes = 0;
  for (const op of window.operations) {
    const effect = registersOf(op);
    reads |= effect.reads;
    writes |= effect.writes;
  }
  return { any: reads | writes, writes };
};

const signed = (bits: readonly number[]) => bits.map((b) => `s${b}`);

/**
 * Fewer lines than the window has, which read its registers and write those that it writes; or that nothing is to be gained.
 * Narrow loads are written to `w` registers, as the disassembler prints them.
 */
export const windowGrammar = (window: Window): string => {
  const { any, writes } = maskOf(window);
  const readable = registersIn(any);
  const written = registersIn(writes).filter((r) => r !== FRAME);
  const lines = Math.max(1, window.operations.length - 1);
  const targets = written.length > 0;
  const wide = alternatives(readable.map((r) => `r${r}`));
  const narrow = alternatives(readable.map((r) => `w${r}`));
  const compute = [
    'to " " alu " " value',
    'tonarrow " " alu " " narrowvalue',
    ...written.flatMap((r) => [`"r${r} = -r${r}"`, `"w${r} = -w${r}"`, `"r${r} = " order " r${r}"`]),
    'to " = (s" bits ")" from',
    'tonarrow " = (s" narrowbits ")" fromnarrow',
    'to " = *(" loaded " *)(" place ")"',
    'tonarrow " = *(" loadednarrow " *)(" place ")"',
  ];
  const store = ['"*(u64 *)(" place ") = " value', '"*(" storednarrow " *)(" place ") = " narrowvalue'];
  return [
    `root ::= ${JSON.stringify(SAME)} | line{1,${lines}}`,
    'line ::= statement "\\n"',
    `statement ::= ${[...(targets ? ['compute'] : []), 'store'].join(' | ')}`,
    ...(targets ? [`compute ::= ${compute.join(' | ')}`] : []),
    `store ::= ${store.join(' | ')}`,
    ...(targets
      ? [
          `to ::= ${alternatives(written.map((r) => `r${r}`))}`,
          `tonarrow ::= ${alternatives(written.map((r) => `w${r}`))}`,
          `alu ::= ${alternatives(Object.values(aluSymbols))}`,
          `order ::= ${alternatives(['be16', 'be32', 'be64', 'le16', 'le32', 'le64', 'bswap16', 'bswap32', 'bswap64'])}`,
          'bits ::= "8" | "16" | "32"',
          'narrowbits ::= "8" | "16"',
          `loaded ::= ${alternatives(['u64', ...signed([8, 16, 32])])}`,
          `loadednarrow ::= ${alternatives(['u8', 'u16', 'u32'])}`,
        ]
      : []),
    `storednarrow ::= ${alternatives(['u8', 'u16', 'u32'])}`,
    `from ::= ${wide}`,
    `fromnarrow ::= ${narrow}`,
    'place ::= from (" + " | " - ") hex',
    'value ::= from | "-"? hex',
    'narrowvalue ::= fromnarrow | "-"? hex',
    'hex ::= "0x" [0-9a-f]{1,8}',
  ].join('\n');
};
