/** The test bench: real boards and emulated ones behind one interface. */
export {
  BoardUnavailableError,
  EmulatorError,
  qemuVersion,
  startVirtualBoard,
  unavailableReason,
  type VirtualBoard,
  type VirtualBoardOptions,
} from './virtual-board.ts';
