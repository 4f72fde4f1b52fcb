/** Reads packet captures: classic pcap (draft-ietf-opsawg-pcap §4) and pcapng (draft-ietf-opsawg-pcapng §4), Ethernet only. */

/** The file is no capture that can be read; `message` says what is wrong. */
export class CaptureError extends Error {
  readonly code = 'bad_file';
  readonly hint = 'record it with `tcpdump -w FILE` on an Ethernet interface';
}

export type Frame = {
  readonly bytes: Uint8Array;
  /** Length on the wire; larger than `bytes` when the capture cut the frame. */
  readonly wireLength: number;
};

const LINKTYPE_ETHERNET = 1;
/** Reader of 16- and 32-bit numbers in the byte order of the file. */
type Reader = { u16(at: number): number; u32(at: number): number };

const reader = (file: Buffer, little: boolean): Reader => ({
  u16: (at) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at)),
  u32: (at) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at)),
});

const checkLinkType = (type: number) => {
  if (type !== LINKTYPE_ETHERNET) throw new CaptureError(`its link type is ${type}, not Ethernet (1)`);
};

/** A capture that was cut off, for example by a full disk, is said to be so at the frame where it happens. */
const need = (file: Buffer, at: number, size: number, what: string) => {
  if (at + size > file.length) throw new CaptureError(`${what} at byte ${at} is cut short`);
};

const CLASSIC_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

function* classicFrames(file: Buffer, little: boolean): Generator<Frame> {
  const { u32 } = reader(file, little);
  need(file, 0, CLASSIC_HEADER_BYTES, 'the header');
  checkLinkType(u32(20) & 0xffff); // the upper bits hold the frame check sequence's length
  for (let at = CLASSIC_HEADER_BYTES; at < file.length; ) {
    need(file, at, RECORD_HEADER_BYTES, 'the record');
    const size = u32(at + 8);
    need(file, at + RECORD_HEADER_BYTES, size, 'the frame');
    const start = at + RECORD_HEADER_BYTES;
    yield { bytes: file.subarray(start, start + size), wireLength: u32(at + 12) };
    at = start + size;
  }
}

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BLOCK_OVERHEAD_BYTES = 12;

const sectionOrder = (file: Buffer, at: number): boolean => {
  need(file, at, BLOCK_OVERHEAD_BYTES, 'the section header');
  const magic = file.readUInt32LE(at + 8);
  if (magic === 0x1a2b3c4d) return true;
  if (magic === 0x4d3c2b1a) return false;
  throw new CaptureError(`the section at byte ${at} has no byte-order mark`);
};

/** Of the packet block at `at`; `file` ends where the block's contents do. */
const enhancedFrame = (file: Buffer, read: Reader, at: number): Frame => {
  need(file, at, 28, 'the packet block');
  const size = read.u32(at + 20);
  need(file, at + 28, size, 'the frame');
  return { bytes: file.subarray(at + 28, at + 28 + size), wireLength: read.u32(at + 24) };
};

const simpleFrame = (file: Buffer, read: Reader, at: number): Frame => {
  need(file, at, 12, 'the packet block');
  const wireLength = read.u32(at + 8);
  const size = Math.min(wireLength, file.length - at - 12); // what the interface's limit cut off is not there
  return { bytes: file.subarray(at + 12, at + 12 + size), wireLength };
};

function* nextGenerationFrames(file: Buffer): Generator<Frame> {
  let read = reader(file, true);
  for (let at = 0; at < file.length; ) {
    const type = file.length - at >= 4 ? read.u32(at) : 0;
    if (type === SECTION_HEADER) read = reader(file, sectionOrder(file, at));
    need(file, at, BLOCK_OVERHEAD_BYTES, 'the block');
    const size = read.u32(at + 4);
    if (size < BLOCK_OVERHEAD_BYTES || size % 4 !== 0) {
      throw new CaptureError(`the block at byte ${at} claims ${size} bytes`);
    }
    need(file, at, size, 'the block');
    if (type === INTERFACE) checkLinkType(read.u16(at + 8));
    const block = file.subarray(0, at + size - 4); // without its size again at the end
    if (type === ENHANCED_PACKET) yield enhancedFrame(block, read, at);
    if (type === SIMPLE_PACKET) yield simpleFrame(block, read, at);
    at += size;
  }
}

/** The first four bytes of a classic capture, with micro- and nanoseconds: whether it is little-endian. */
const classicMagic: ReadonlyMap<number, boolean> = new Map([
  [0xa1b2c3d4, true],
  [0xa1b23c4d, true],
  [0xd4c3b2a1, false],
  [0x4d3cb2a1, false],
]);

/** Frames in the order of the file. @throws CaptureError */
export function* framesOf(file: Buffer): Generator<Frame> {
  if (file.length < 4) throw new CaptureError('it is too short for a capture');
  const magic = file.readUInt32LE(0);
  const little = classicMagic.get(magic);
  if (magic === SECTION_HEADER) yield* nextGenerationFrames(file);
  else if (little !== undefined) yield* classicFrames(file, little);
  else throw new CaptureError('it is neither pcap nor pcapng');
}
