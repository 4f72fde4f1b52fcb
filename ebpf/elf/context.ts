/** What all programs of an object are linked with. */
import type { BtfExt } from './btf-ext.ts';
import type { KernelTypes } from './core-types.ts';
import type { LineAt } from './debug-line.ts';
import type { ElfObject } from './file.ts';
import type { MapTypes } from './map-definitions.ts';
import type { Registers } from './registers.ts';

export type Platform = 'velocity' | 'linux';

export type Context = {
  readonly object: ElfObject;
  readonly objectName: string;
  readonly license: string | undefined;
  readonly mapTypes: MapTypes;
  readonly ext: BtfExt | undefined;
  readonly lineAt: LineAt;
  readonly registers: Registers;
  /** The kernel that programs are relocated for; without one, what holds for the types they were compiled with is judged. */
  readonly kernel: KernelTypes | undefined;
  /** Which rules hold: those of the board, or of Linux. */
  readonly platform: Platform;
  /** Slots that may still be linked from this object: overlapping functions must not take for ever. */
  readonly allowance: { slots: number };
};
