/** What two texts have in common, line by line. */

/** More than this many comparisons are not made: what differs is then shown as a whole. */
const MOST_CELLS = 4_000_000;

/** Length of the longest common subsequence from each pair of places on. */
const lengthsOf = (before: readonly string[], after: readonly string[]): Uint16Array[] => {
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      lengths[i]![j] =
        before[i] === after[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  return lengths;
};

const middleDiff = (before: readonly string[], after: readonly string[]): string[] => {
  if (before.length * after.length > MOST_CELLS)
    return [...before.map((line) => `- ${line}`), ...after.map((line) => `+ ${line}`)];
  const lengths = lengthsOf(before, after);
  const out: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      out.push(`  ${before[i++]}`);
      j++;
    } else if (j >= after.length || (i < before.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!))
      out.push(`- ${before[i++]}`);
    else out.push(`+ ${after[j++]}`);
  }
  return out;
};

/** Lines that only one side has (`- `, `+ `), with what both have between them: longest common subsequence. */
export const lineDiff = (before: readonly string[], after: readonly string[]): string[] => {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const same = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  return [
    ...same(before.slice(0, head)),
    ...middleDiff(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ];
};

/** A line of both texts beside each other; null where one has none. */
export type Pair = readonly [before: string | null, after: string | null];

/** The same as rows of two columns: what was taken out stands beside what took its place. */
export const sideBySide = (before: readonly string[], after: readonly string[]): Pair[] => {
  const pairs: Pair[] = [];
  let [removed, added]: [string[], string[]] = [[], []];
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++)
      pairs.push([removed[i] ?? null, added[i] ?? null]);
    [removed, added] = [[], []];
  };
  for (const line of lineDiff(before, after)) {
    const text = line.slice(2);
    if (line[0] === '-') removed.push(text);
    else if (line[0] === '+') added.push(text);
    else {
      flush();
      pairs.push([text, text]);
    }
  }
  flush();
  return pairs;
};
