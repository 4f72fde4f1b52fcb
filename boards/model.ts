/** Which board calls itself so. */
import type { Board } from './board.ts';

/** In order, between spaces. NVIDIA leaves out "Jetson" in trees of L4T 35: "NVIDIA Orin Nano Developer Kit". */
const words = (text: string) =>
  ` ${text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && word !== 'jetson')
    .join(' ')} `;

/** What QEMU's generic machine calls itself. */
const VIRT = 'linux,dummy-virt';

/** Whether a model, as loaders write it, is this board: they add revisions to the name. */
export const isModel = (seen: string, board: Board): boolean => {
  if (board.bootPath === 'virtual') return seen === VIRT || seen === '';
  return words(seen).includes(words(board.model));
};
