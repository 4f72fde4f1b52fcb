/**
 * Images as they are signed, sent and kept. An update file is one header page of `IMAGE_PAGE_BYTES`, then the image,
 * padded with zeros to whole pages. The header page begins with `UPDATE_MAGIC` and the length (u32le) of the signed
 * manifest, a COSE_Sign1 around a CBOR map with the integer keys below, which follows; the rest is zero.
 */

export const IMAGE_PAGE_BYTES = 4096;
/** "VELUPDT1" */
export const UPDATE_MAGIC = Buffer.from('VELUPDT1').readBigUInt64LE();
export const UPDATE_HEADER_BYTES = 12;

export const imageKeys = {
  board_class: { key: 1, doc: 'board class, text' },
  bytes: { key: 2, doc: 'length of the image file, uint' },
  root: {
    key: 3,
    doc: 'Merkle root over the pages of the image, 32 bytes: RFC 9162 §2.1.1, a leaf is SHA-256 of 0x00 and the page, the last page as short as it is',
  },
  memory_bytes: { key: 4, doc: 'memory that it needs from its first byte on, uint' },
  build: { key: 5, doc: 'build id, text' },
  version: { key: 6, doc: 'release, text' },
  sequence: { key: 7, doc: 'uint; a board takes no image older than the one it confirmed' },
} as const;

/**
 * The boot medium: an MBR partition of this type (0xda: "non-file-system data") holds two records, which are written
 * alternately, and two slots. Offsets are from the start of the partition.
 */
export const SLOT_PARTITION_TYPE = 0xda;
export const SECTOR_BYTES = 512;
export const RECORD_OFFSETS = [0, 4096] as const;
export const SLOT_OFFSETS = [0x100000, 0x200000] as const;
export const SLOT_BYTES = 0x100000;
export const SLOT_PARTITION_BYTES = 0x300000;

/** States of a slot. */
export const slotStates = {
  empty: { value: 0, doc: 'nothing, or what an upload has begun' },
  loaded: { value: 1, doc: 'a whole image whose signature and root hold' },
  test: { value: 2, doc: 'to be started, a number of times' },
  confirmed: { value: 3, doc: 'said itself that it works' },
  rejected: { value: 4, doc: 'was started and did not confirm itself, or does not hold any more' },
} as const;

/** Starts that an image has to confirm itself, and the seconds it has within each. */
export const TEST_STARTS = 2;
export const CONFIRM_WITHIN_S = 300;

/** SMP group 1, image management (Zephyr smp_group_1.rst), by the same names. */
export const SMP_GROUP_IMAGE = 1;
/** What an upload is for: the slots of the boot medium, or memory, from where it is started at the next reset, once. */
export const imageNumbers = { slots: 0, memory: 1 } as const;
export const imageCommands = { state: 0, upload: 1, erase: 5 } as const;
