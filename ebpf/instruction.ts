/**
 * eBPF instructions as typed values. `decodeProgram` and `encodeProgram` are exact inverses on any bytes.
 */
export * from './decode.ts';
export * from './encode.ts';
export * from './operation.ts';
