/** The language in which a model answers: replacements of numbered lines of assembly. */
import { assemble, disassembleText } from '../ebpf/index.ts';

export type Edit = { readonly first: number; readonly last: number; readonly lines: readonly string[] };

/** What a model wrote is not in the language, or does not assemble. */
export class EditError extends Error {
  override name = 'EditError';
}

/** The program as the lines that a prompt numbers from 1. */
export const linesOf = (code: Uint8Array): string[] =>
  disassembleText(code, { labels: true, helperNames: true }).trimEnd().split('\n');

const HEAD = /^replace (\d+) (\d+)$/;

/** @throws EditError when the text is not a list of edits. */
export const parseEdits = (text: string): Edit[] => {
  const edits: { first: number; last: number; lines: string[] }[] = [];
  let open = false;
  for (const line of text.split('\n').map((l) => l.trim())) {
    const head = HEAD.exec(line);
    if (head) edits.push({ first: Number(head[1]), last: Number(head[2]), lines: [] });
    else if (line === 'end') open = false;
    else if (line !== '' && open) edits.at(-1)!.lines.push(line);
    else if (line !== '') throw new EditError(`"${line.slice(0, 40)}" is not inside an edit`);
    if (head) open = true;
  }
  if (edits.length === 0 || open) throw new EditError('the answer holds no complete edit');
  return edits;
};

/** The program with edits applied, last lines first so that numbers stay valid. @throws EditError */
export const applyEdits = (code: Uint8Array, edits: readonly Edit[]): Uint8Array => {
  const lines = linesOf(code);
  const sorted = [...edits].sort((a, b) => b.first - a.first);
  let floor = lines.length + 1;
  for (const { first, last, lines: made } of sorted) {
    if (first < 1 || last < first || last >= floor)
      throw new EditError(`lines ${first}..${last} do not exist or overlap`);
    const labels = lines.slice(first - 1, last).filter((l) => l.endsWith(':'));
    lines.splice(first - 1, last - first + 1, ...labels, ...made);
    floor = first;
  }
  try {
    return assemble(lines.join('\n'));
  } catch (cause) {
    throw new EditError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
};
