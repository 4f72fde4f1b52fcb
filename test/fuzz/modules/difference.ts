/** Where a board is not what its model is. */

export class Difference extends Error {
  override name = 'Difference';
}

/** Of anything that JSON has a form for, and of bigint. @throws Difference */
export const expectSame = (what: string, seen: unknown, expected: unknown): void => {
  const [board, model] = [seen, expected].map((value) =>
    JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)),
  );
  if (board !== model) throw new Difference(`${what}: the board has ${board}, the model ${model}`);
};
