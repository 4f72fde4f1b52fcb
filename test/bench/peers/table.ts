/** Tables of cells, the head first: for terminals and for Markdown. */

/** Columns of equal width, the first one flush left. */
export const alignedTable = (lines: readonly (readonly string[])[]): string => {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  '),
    )
    .join('\n');
};

export const markdown = (lines: readonly (readonly string[])[]): string => {
  const rule = lines[0]!.map((_, i) => (i === 0 ? '---' : '--:'));
  return [lines[0]!, rule, ...lines.slice(1)].map((line) => `| ${line.join(' | ')} |`).join('\n');
};
