/** Host side of the serial protocol: transports, framing, SMP, and the messages of a Velocity board. */
export { type Address, openTransport, parseAddress } from './address.ts';
export { type LinkHealth, SmpClient, type SmpRequest } from './client.ts';
export * from './errors.ts';
export { encodeFrame, FrameDecoder, type FrameListener } from './frame.ts';
export { holdersOf } from './holders.ts';
export { type ImageSlot, type ImageSlots, type UploadLimits, uploadLimits } from './image.ts';
export { memoryPair } from './memory.ts';
export { likelyPorts } from './ports.ts';
export { type ReconnectOptions, withReconnect } from './reconnect.ts';
export type { FollowOptions } from './records.ts';
export type { Report } from './reports.ts';
export { DEFAULT_BAUD } from './serial.ts';
export type { Signer } from './signed.ts';
export type { MemoryPool, TaskStat } from './standard.ts';
export type { Transport } from './transport.ts';
export * from './velocity.ts';
export { openWebSerial, type WebSerialPort, webSerialName } from './web-serial.ts';
