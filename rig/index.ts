/** The test bench: real boards and emulated ones behind one interface. */
export {
  BenchFileError,
  benchReference,
  defaultBench,
  type Flash,
  parseBench,
  type RigBoard,
  readBench,
} from './bench/index.ts';
export { type Cause, type CauseCode, CauseError, causes } from './cause.ts';
export { coreStates, freeze, pressPower, pressReset, thaw, wordAt } from './control.ts';
export { Device, type Powered } from './device.ts';
export { rootProperties } from './device-tree.ts';
export { bootCause, type StoppedCore, testCause } from './diagnose.ts';
export { BoardLockedError, describeHolder, holderOf, lockBoard } from './lock.ts';
export { canSwitch, powerCycle, runCommand, switchPower } from './power.ts';
export { type SuiteName, suiteNames } from './suites/names.ts';
export {
  BoardUnavailableError,
  EmulatorError,
  qemuVersion,
  startVirtualBoard,
  unavailableReason,
  type VirtualBoard,
  type VirtualBoardOptions,
} from './virtual-board.ts';
