/** Images over the serial line. Upload over SMP needs a part of the kernel that does not exist yet. */
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
