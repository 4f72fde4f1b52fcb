/** Bench files: which boards there are, and how to reach, power and flash them. */
export type { Emulated, Flash, LineFaults, Power } from './fields.ts';
export { boardFields } from './fields.ts';
export { BenchFileError, defaultBench, parseBench, type RigBoard, readBench } from './file.ts';
export { benchReference } from './reference.ts';
