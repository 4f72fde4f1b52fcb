/** Cells under each other, every column as wide as it needs to be: text for terminals. */

/** The first `left` columns flush left, the others flush right. */
export const inColumns = (lines: readonly (readonly string[])[], left = 1): string => {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const padded = (cell: string, column: number) =>
    column < left ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return lines.map((line) => line.map(padded).join('  ').trimEnd()).join('\n');
};
