/** What a model is asked. */
import { linesOf } from './edit.ts';

export type PromptInput = {
  readonly module: string;
  readonly hook: string;
  readonly code: Uint8Array;
  readonly cyclesPerCall: number;
  /** Why earlier proposals were refused, newest last. */
  readonly refused: readonly string[];
};

/** Lines of a program that a prompt holds; longer programs are shown from the start. */
const MAX_LINES = 160;
const MAX_REFUSALS = 3;

/** Text from outside (reasons hold bits of programs) as one line, so that it can't pose as a part of the prompt. */
const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, 160);

export const promptFor = (input: PromptInput): string => {
  const lines = linesOf(input.code);
  const shown = lines.slice(0, MAX_LINES).map((line, i) => `${i + 1} ${line}`);
  const refused = input.refused.slice(-MAX_REFUSALS).map((r) => `- ${oneLine(r)}`);
  return [
    'You make eBPF programs faster without changing what they do.',
    `Program of hook ${input.hook}, ${input.cyclesPerCall} cycles per call. Numbered lines:`,
    ...shown,
    ...(refused.length > 0 ? ['Earlier proposals were refused:', ...refused] : []),
    'Answer with edits that remove or shorten instructions. An edit is:',
    'replace FIRST LAST',
    'new lines',
    'end',
  ].join('\n');
};

export const labelsOf = (code: Uint8Array): string[] =>
  linesOf(code)
    .filter((l) => l.endsWith(':'))
    .map((l) => l.slice(0, -1));
