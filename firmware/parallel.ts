/** Runs `work` over `items`, at most `width` at a time. */
export const inParallel = async <T>(items: readonly T[], width: number, work: (item: T) => Promise<void>) => {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
};
