/** Readers of the host that are fuzzed: files that a person or a network brings. */
import { CaptureError, framesOf } from '../../cli/pcap.ts';
import { compileModule, ElfError, loadLinuxFunctions, loadObject } from '../../ebpf/index.ts';
import { root } from '../../firmware/index.ts';
import { editElf } from './elf-edit.ts';
import type { HostTarget } from './host.ts';

const sources = ['modules/fir/fir.c', 'modules/udp-filter/udp-filter.c', 'ebpf/testdata/linking.c'];
const objects = () => Promise.all(sources.map((path) => compileModule(`${root}/${path}`)));

/** A classic capture and a pcapng one, each with a frame. */
const captures = async () => {
  const frame = Buffer.alloc(60, 0x5a);
  const word = (...values: readonly number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
    return bytes;
  };
  const classic = [word(0xa1b2c3d4, 0x00040002, 0, 0, 65_535, 1), word(1, 2, 60, 60), frame];
  const section = word(0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28);
  const face = word(1, 20, 1, 65_535, 20);
  const packet = [word(6, 92, 0, 0, 0, 60, 60), frame, word(92)];
  const simple = [word(3, 76, 60), frame, word(76)];
  return [Buffer.concat(classic), Buffer.concat([section, face, ...packet, ...simple])];
};

export const hostTargets: readonly HostTarget[] = [
  {
    name: 'elf',
    doc: 'any bytes as an object of a module: sections, symbols, relocations, BTF, maps',
    seeds: objects,
    maxBytes: 16_384,
    edit: editElf,
    read: (bytes) => {
      const { programs, maps } = loadObject(bytes);
      return `${programs.length} programs, ${maps.length} maps`;
    },
    refusal: ElfError,
  },
  {
    name: 'elf-linux',
    doc: 'any bytes as an object for Linux',
    seeds: objects,
    maxBytes: 16_384,
    edit: editElf,
    read: (bytes) =>
      loadLinuxFunctions(bytes, { file: 'fuzz.o' })
        .map((f) => ('error' in f ? f.error.code : 'ok'))
        .join(),
    refusal: ElfError,
  },
  {
    name: 'pcap',
    doc: 'any bytes as a capture: pcap and pcapng',
    seeds: captures,
    maxBytes: 4096,
    read: (bytes) => {
      let frames = 0;
      for (const frame of framesOf(bytes)) {
        if (frame.bytes.length > bytes.length) throw new Error('a frame is longer than its file');
        frames++;
      }
      return `${frames} frames`;
    },
    refusal: CaptureError,
  },
];
