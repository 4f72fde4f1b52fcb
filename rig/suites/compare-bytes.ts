/** What happened to bytes on their way: lost, changed or added. */

export type Difference = { readonly lost: number; readonly changed: number; readonly added: number };

export const noDifference: Difference = { lost: 0, changed: 0, added: 0 };

export const sumOf = (a: Difference, b: Difference): Difference => ({
  lost: a.lost + b.lost,
  changed: a.changed + b.changed,
  added: a.added + b.added,
});

/** Bytes after a difference that must agree again before an explanation of it is believed. */
const AGREE = 12;
const FURTHEST = 16;

const agrees = (sent: Uint8Array, came: Uint8Array, i: number, j: number) => {
  for (let k = 0; k < AGREE && i + k < sent.length && j + k < came.length; k++) {
    if (sent[i + k] !== came[j + k]) return false;
  }
  return true;
};

/** The nearest place where both go on alike: so many bytes were skipped on each side. */
const resume = (sent: Uint8Array, came: Uint8Array, i: number, j: number): [number, number] | undefined => {
  for (let total = 1; total <= 2 * FURTHEST; total++) {
    for (let skipped = total; skipped >= 0; skipped--) {
      if (agrees(sent, came, i + skipped, j + total - skipped)) return [skipped, total - skipped];
    }
  }
  return undefined;
};

/** Aligns what came with what was sent. Text between messages counts as added. */
export const compareBytes = (sent: Uint8Array, came: Uint8Array): Difference => {
  let [i, j] = [0, 0];
  let difference = noDifference;
  while (i < sent.length && j < came.length) {
    if (sent[i] === came[j]) {
      i += 1;
      j += 1;
      continue;
    }
    const skip = resume(sent, came, i, j);
    if (!skip) break;
    const changed = Math.min(...skip);
    difference = sumOf(difference, { lost: skip[0] - changed, changed, added: skip[1] - changed });
    i += skip[0];
    j += skip[1];
  }
  return sumOf(difference, { lost: sent.length - i, changed: 0, added: Math.max(0, came.length - j) });
};
