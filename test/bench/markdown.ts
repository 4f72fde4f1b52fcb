/** A table of cells for the pages of `docs/reference`: the head first, the first column flush left. */
export const markdown = (lines: readonly (readonly string[])[]): string => {
  const rule = lines[0]!.map((_, i) => (i === 0 ? '---' : '--:'));
  return [lines[0]!, rule, ...lines.slice(1)].map((line) => `| ${line.join(' | ')} |`).join('\n');
};
