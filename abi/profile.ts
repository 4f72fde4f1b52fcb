/** Samples of what cores are doing: little-endian numbers of 32 bits, in this order. */
import { CodecError } from './codec.ts';

export const sampleNumbers = {
  weight_ns:
    'time that the sample stands for, for one of a module; 0 for one of the kernel: those share what is left',
  core: 'core',
  module: 'number of the module, as in a report; 0: kernel code outside of interrupts',
  version: 'version of the module',
  insn: 'eBPF instruction of it; 0xffffffff when none',
} as const;

/** Behind them: code addresses, innermost first, relative to the image; 0: no more, and for code of the module itself. */
export const SAMPLE_FRAMES = 8;
export const SAMPLE_BYTES = 4 * (Object.keys(sampleNumbers).length + SAMPLE_FRAMES);
export const SAMPLE_NO_INSN = 0xffff_ffff;

export type ProfileSample = Readonly<Record<keyof typeof sampleNumbers, number>> & {
  readonly frames: readonly number[];
};

/** @throws CodecError */
export const decodeSamples = (data: Uint8Array): ProfileSample[] => {
  if (data.length % SAMPLE_BYTES !== 0) throw new CodecError('data', 'is cut off');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const names = Object.keys(sampleNumbers);
  return Array.from({ length: data.length / SAMPLE_BYTES }, (_, nth) => {
    const number = (i: number) => view.getUint32(nth * SAMPLE_BYTES + 4 * i, true);
    const frames = Array.from({ length: SAMPLE_FRAMES }, (_, i) => number(names.length + i));
    const end = frames.indexOf(0);
    return {
      ...(Object.fromEntries(names.map((name, i) => [name, number(i)])) as Record<
        keyof typeof sampleNumbers,
        number
      >),
      frames: end < 0 ? frames : frames.slice(0, end),
    };
  });
};
