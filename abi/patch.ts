/**
 * A patch: COSE_Sign1 (RFC 9052 §4.2; tag 18 optional) with protected header {1: -8} (EdDSA, RFC 9053 §2.2)
 * around a CBOR map with the integer keys below. `external_aad` and the unprotected header are empty. Both the message
 * and the map are in deterministic encoding (RFC 8949 §4.2.1), and the board refuses any other.
 */

export const COSE_ALG_EDDSA = -8;
export const COSE_SIGN1_TAG = 18;

/** Integer keys of the payload map. */
export const patchKeys = {
  name: { key: 1, doc: 'module name, text' },
  hook: { key: 2, doc: 'hook id, uint' },
  board_class: { key: 3, doc: 'board class, text; must equal the board’s' },
  code: { key: 4, doc: 'eBPF instructions, bytes (8 per slot)' },
  maps: { key: 5, doc: 'array of map definitions; ld_imm64 with src 1 or 2 carries the index in imm' },
  certificate: {
    key: 6,
    doc: 'certificate that the checker takes (bpf/checker/format.h), bytes; empty when none: then the board infers for itself',
  },
  bound: { key: 7, doc: 'bound that the host proved, uint, in eBPF instructions; 0 = let the board decide' },
  parent: { key: 8, doc: 'program hash of the version it replaces, 32 bytes; empty for a first version' },
  sequence: { key: 9, doc: 'sequence number, uint, above every earlier one' },
  proposer: { key: 10, doc: 'who proposed it, text' },
  model_hash: { key: 11, doc: 'SHA-256 of the model file, bytes; empty when none' },
  prompt_hash: { key: 12, doc: 'SHA-256 of the prompt, bytes; empty when none' },
  proof_hash: { key: 13, doc: 'SHA-256 of the proof record, bytes; empty when none' },
  proof: { key: 14, doc: '0 none (first version), 1 proven, 2 tested' },
  cores: { key: 15, doc: 'mask of cores it runs on, uint; 0 = core 0' },
  period_us: { key: 16, doc: 'timer period that it wants, uint; 0 = leave as it is' },
  boot: {
    key: 17,
    doc: 'boot id of the board it is for, 16 bytes, from `info`: a board that forgets its sequence number at a reset refuses what was signed before it',
  },
} as const;

/** Each entry of `maps`: a map with these integer keys. */
export const mapKeys = {
  name: { key: 1, doc: 'map name, text' },
  type: { key: 2, doc: 'map type, uint' },
  key_size: { key: 3, doc: 'bytes; in a ring buffer 8, a position' },
  value_size: { key: 4, doc: 'bytes; in a ring buffer 0' },
  max_entries: { key: 5, doc: 'entries; in a ring buffer its bytes, a power of two' },
  flags: { key: 6, doc: 'bit 7 (0x80): read-only for programs' },
  init: { key: 7, doc: 'initial contents of entry 0, bytes; optional' },
} as const;

/**
 * The program hash that `parent` names: SHA-256 over the hook id (u32le), the bytes of code (u32le), the code, and for each map its
 * name (NUL-padded to 32), type, key_size, value_size, max_entries, flags (u32le each), init length (u32le) and init.
 */
export const PROGRAM_HASH = 'sha256';

/** Numbers as in Linux's enum bpf_map_type, so that existing sources keep their meaning. */
export const mapTypes = {
  hash: 1,
  array: 2,
  percpu_array: 6,
  ringbuf: 27,
} as const;

/**
 * Maps that a board has from its start: an array with one entry of 8 bytes, a number (u64) whose bit i is GPIO line i of that
 * direction; 1 is active. The device tree says which lines there are (kernel-aarch64/drivers/gpio.h).
 */
export const lineMaps = {
  gpio_in: { doc: 'levels of the input lines, taken at each tick of core 0 before its modules run' },
  gpio_out: { doc: 'levels of the output lines, applied at each tick of core 0 after its modules ran' },
} as const;

/** Most bytes of a hash's key and value, and of all that a map holds: half of what all maps of a board share. */
export const mapLimits = {
  key_bytes_max: 64,
  hash_value_bytes_max: 2048,
  bytes_max: 4 * 1024 * 1024,
} as const;

export const MAP_FLAG_READ_ONLY = 0x80;
export const MAX_MAPS_PER_PROGRAM = 16;
export const MAX_PROGRAM_INSNS = 4096;
