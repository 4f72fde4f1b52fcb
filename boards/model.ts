/** Which board calls itself so. */
import type { Board } from './board.ts';

const words = (text: string) =>
  text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');

/** What QEMU's generic machine calls itself. */
const VIRT = 'linux,dummy-virt';

/** Whether a model, as loaders write it, is this board: they add revisions to the name. */
export const isModel = (seen: string, board: Board): boolean => {
  if (board.bootPath === 'virtual') return seen === VIRT || seen === '';
  const have = words(seen);
  return words(board.model).every((word) => have.includes(word));
};
