/** Emits the shape of samples for the kernel, and their meaning for people. */
import { header } from './emit-c.ts';
import { SAMPLE_BYTES, SAMPLE_FRAMES, SAMPLE_NO_INSN, sampleNumbers } from './profile.ts';

export const emitProfile = () =>
  header(
    'profile.ts',
    [
      '#include <stdint.h>',
      `#define SAMPLE_FRAMES ${SAMPLE_FRAMES}u\n#define SAMPLE_NO_INSN ${SAMPLE_NO_INSN}u`,
      `struct profile_sample {\n${Object.entries(sampleNumbers)
        .map(([name, doc]) => `    uint32_t ${name}; /* ${doc} */`)
        .join('\n')}\n    uint32_t frames[SAMPLE_FRAMES];\n};`,
      `static_assert(sizeof(struct profile_sample) == ${SAMPLE_BYTES});`,
    ].join('\n\n'),
  );

export const sampleRows = (): (readonly [string, string, string])[] => [
  ...Object.entries(sampleNumbers).map(([name, doc], i) => [String(4 * i), name, doc] as const),
  [
    String(SAMPLE_BYTES - 4 * SAMPLE_FRAMES),
    `${SAMPLE_FRAMES} frames`,
    'code addresses, innermost first, relative to the image; 0: no more, and for code of the module itself',
  ],
];
