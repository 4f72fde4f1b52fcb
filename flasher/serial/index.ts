/** Images over the serial line: into the memory of a running kernel, or to a U-Boot prompt. */
export {
  checkRunning,
  type MemoryEvent,
  type MemoryLimits,
  type MemoryOptions,
  memoryLimits,
  type RunningBoard,
  startFromMemory,
  type UpdateFile,
} from './memory.ts';
export { type SerialLine, SerialReader } from './port.ts';
export {
  bootThroughUBoot,
  crc32,
  type UBootEvent,
  type UBootLimits,
  type UBootOptions,
  uBootLimits,
} from './u-boot.ts';
export { crc16, sendYmodem, type YmodemLimits, type YmodemOptions, ymodem, ymodemBlock } from './ymodem.ts';
