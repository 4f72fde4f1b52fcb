/** Assembles eBPF text in clang's syntax, and what `llvm-objdump-19 -d` prints. */
import { encodeProgram, type Operation, slotsOf } from './instruction.ts';
import { parseStatement, type Scope } from './statement.ts';
import { integer, StatementError } from './statement-operand.ts';

export class AssemblyError extends Error {
  readonly line: number;
  constructor(line: number, source: string, why: string, options?: ErrorOptions) {
    super(`line ${line}: ${source.trim()}: ${why}`, options);
    this.name = 'AssemblyError';
    this.line = line;
  }
}

type Statement = { line: number; text: string; slot: number };
type Source = { statements: Statement[]; labels: Map<string, number> };

const LABEL = /^\s*(?:[0-9a-f]{16}\s+)?<?([A-Za-z_.$][\w.$]*)>?:/;
/** Slot number and bytes that objdump puts before an instruction, and the target it puts behind. */
const LISTING = /^\s*\d+:\s*(?:(?:[0-9a-f]{2} ){7,15}[0-9a-f]{2}\s+)?(?=\S)/;
const COMMENT = /(?:\/\/|;|#).*$/;
const ANNOTATION = /<[^<>]*>\s*$/;
const DIRECTIVE = /^\s*\.(?!8byte)\w+/;
const WIDE = /\bll\s*$/;

const strip = (line: string) =>
  line.replace(COMMENT, '').replace(LISTING, '').replace(ANNOTATION, '').trimEnd();

/** Splits text into statements and labels; a statement that ends in `ll` takes two slots. */
const scan = (text: string): Source => {
  const statements: Statement[] = [];
  const labels = new Map<string, number>();
  let slot = 0;
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    let rest = full.replace(COMMENT, '');
    for (let label = LABEL.exec(rest); label; label = LABEL.exec(rest)) {
      const name = label[1]!.toLowerCase();
      if (labels.has(name)) throw new AssemblyError(index + 1, full, `the label ${name} is defined twice`);
      labels.set(name, slot);
      rest = rest.slice(label[0].length);
    }
    rest = strip(rest);
    if (rest.trim() === '' || DIRECTIVE.test(rest)) continue;
    statements.push({ line: index + 1, text: rest, slot });
    slot += WIDE.test(rest) ? 2 : 1;
  }
  return { statements, labels };
};

const scopeAt = (slot: number, bits: 16 | 32, labels: ReadonlyMap<string, number>): Scope => ({
  hasLabel: (name) => labels.has(name),
  resolve: (target) => {
    const label = labels.get(target);
    const literal = /^[+-]?(0x[0-9a-f]+|\d+)$/.test(target) ? Number(integer(target)) : undefined;
    const distance = label === undefined ? literal : label - slot - 1;
    if (distance === undefined) throw new StatementError(`there is no label ${target}`);
    if (distance < -(2 ** (bits - 1)) || distance >= 2 ** (bits - 1))
      throw new StatementError(`${target} is ${distance} slots away, too far for ${bits} bits`);
    return distance;
  },
});

const LONG = /^\s*(?:gotol|call)\b/i;

/**
 * The operations of a program, labels resolved.
 * @throws AssemblyError with the line and what is wrong.
 */
export const assembleOperations = (text: string): Operation[] => {
  const { statements, labels } = scan(text);
  return statements.map(({ line, text: statement, slot }) => {
    try {
      const operation = parseStatement(statement, scopeAt(slot, LONG.test(statement) ? 32 : 16, labels));
      const expected = WIDE.test(statement) ? 2 : 1;
      if (slotsOf(operation) !== expected) throw new StatementError('a 64-bit load ends in ` ll`');
      return operation;
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      throw new AssemblyError(line, statement, error.message, { cause: error });
    }
  });
};

/**
 * eBPF bytes, 8 per slot. Comments start with `//`, `;` or `#`; labels are `name:`.
 * @throws AssemblyError with the line and what is wrong.
 */
export const assemble = (text: string): Uint8Array => encodeProgram(assembleOperations(text));
