/**
 * SMP group 64: modules, telemetry and patches. Each message is one flat CBOR map with text keys,
 * as SMP does it (Zephyr smp_protocol.rst); lists are read one entry at a time by index, until `no_entry`. Long: it is one table.
 */
import { bool, bytes, type Fields, optional, text, u32, u64 } from './fields.ts';
import { type DoorName, KEY_ID_BYTES } from './policy.ts';
import { PROBE_UNREAD_LIMIT } from './trace.ts';

export const SMP_GROUP_VELOCITY = 64;
/** Largest SMP message (header and payload) that the board takes or sends, in bytes. */
export const SMP_BUFFER_BYTES = 4096;
/** Largest patch or program that can be staged, in bytes. */
export const STAGE_BYTES = 131072;
/** Largest chunk of data in one message, in bytes. */
export const CHUNK_BYTES = 3072;
/** Largest part of a report in one message, in bytes. */
export const REPORT_BYTES = 3072;
/** Longest name of a module or a map, in bytes. */
export const NAME_BYTES = 31;
/** Bins of the log2 histogram: bin i counts calls that took [2^i, 2^(i+1)) cycles. */
export const HISTOGRAM_BINS = 32;

export type Message = {
  readonly id: number;
  readonly op: 'read' | 'write';
  readonly doc: string;
  readonly request: Fields;
  readonly response: Fields;
  /** What a board's policy may close: then the message is taken from a signed command only. */
  readonly door?: DoorName;
};

const name = text(NAME_BYTES, 'module name');

export const messages = {
  info: {
    id: 0,
    op: 'read',
    doc: 'What this board is and runs.',
    request: {},
    response: {
      version: text(31, 'release, e.g. "0.1.0"'),
      build: text(40, 'build id, hex'),
      board: text(63, 'model from the device tree'),
      board_class: text(31, 'class that patches are made for, e.g. "aarch64"'),
      abi: bytes(8, 'first 8 bytes of the contract hash'),
      cores: u32('cores that are up'),
      counter_hz: u64('frequency of the generic timer'),
      boot_insns: u64('cycle counter from kernel entry to ready, console waiting excluded'),
      image_bytes: u32('size of the running image'),
      features: u32('CPU features in use: bit 0 LSE atomics, 1 dot product, 2 CRC32, 3 BTI'),
      key_id: bytes(8, 'id of the first key of the policy; zeros when there is none'),
      sequence: u64('highest sequence number accepted from any key'),
      boot: bytes(16, 'boot id: made anew at each start; a patch names the one it is for'),
      entropy: u32(
        'what the boot id was made from: bit 0 seed from the loader, 1 random number generator; 0: counters only, which may repeat',
      ),
    },
  },
  stage: {
    id: 1,
    op: 'write',
    door: 'upload',
    doc: 'Puts bytes into the staging buffer. Offset 0 with another hash starts anew, with the same hash resumes: the reply says where to go on.',
    request: {
      off: u32('offset of data'),
      len: optional(u32('total length, with offset 0')),
      sha: optional(bytes(32, 'SHA-256 of the whole; with other offsets than 0, says whose bytes these are')),
      data: bytes(CHUNK_BYTES, 'the bytes at that offset'),
    },
    response: { off: u32('next offset expected') },
  },
  install: {
    id: 2,
    op: 'write',
    doc: 'Checks, verifies, compiles and installs the staged patch. As a canary it is watched and taken back by the board when it does not pay.',
    request: {
      canary: bool('watch it against its predecessor'),
      window: optional(u32('calls to watch; default 256')),
      ratio: optional(u32('allowed slowdown in permille of the predecessor; default 1000')),
      shadow: optional(bool('also run the predecessor on the same input and compare results')),
      sha: optional(bytes(32, 'SHA-256 of what is to be installed; default: whatever is staged')),
    },
    response: {
      name,
      version: u32('version number now in the slot'),
      insns: u32('eBPF instructions'),
      bound: u64('proven worst case, in eBPF instructions'),
      jit_bytes: u32('size of the compiled code'),
      verify_insns: u64('cycle counter spent verifying'),
      compile_insns: u64('cycle counter spent compiling'),
      check_insns: u64('cycle counter spent on hash and signature'),
    },
  },
  module: {
    id: 3,
    op: 'read',
    doc: 'The i-th installed module.',
    request: { i: u32('index, from 0; in the order of places') },
    response: {
      id: u32('number of the module, which no other one has had since the board started'),
      name,
      hook: text(15, 'hook name'),
      version: u32('running version'),
      state: text(15, 'live or canary'),
      insns: u32('eBPF instructions'),
      bound: u64('proven worst case, in eBPF instructions'),
      jit_bytes: u32('size of the compiled code'),
      sha: bytes(32, 'program hash of the running version'),
      previous: bytes(32, 'program hash of the resident previous version; empty when none'),
      cores: u32('mask of cores it runs on'),
      proof: u32('0 none, 1 proven, 2 tested'),
    },
  },
  rollback: {
    id: 4,
    op: 'write',
    door: 'modules',
    doc: 'Swaps back to the previous version.',
    request: { name },
    response: { version: u32('version running now') },
  },
  remove: {
    id: 5,
    op: 'write',
    door: 'modules',
    doc: 'Takes a module out of its hook.',
    request: { name },
    response: {},
  },
  report: {
    id: 6,
    op: 'read',
    doc: 'Counters of all modules: how they differ from an earlier report, see "Data of a report". The board keeps two reports, so that a lost answer costs nothing: the host asks again for differences to the last one it has.',
    request: {
      since: u32('the last report that the host has; 0: none, everything is told'),
      from: optional(u32('place to begin with; default 0')),
    },
    response: {
      number: u32('number of this report'),
      base: u32(
        'report that the data differs from: `since`, or 0 when the board does not have that any more',
      ),
      time_ns: u64('board time of the reading'),
      next: u32('place to go on from with another report, as this one is full; 0: all is told'),
      event: u64('sequence number of the newest event; 0: none yet'),
      byte_ns: u32('time that the transmitter took for a byte of the latest message of 256 bytes or more'),
      data: bytes(REPORT_BYTES, 'what changed'),
    },
  },
  event: {
    id: 7,
    op: 'read',
    doc: 'The first event with a sequence number above `since`; `no_entry` when there is none yet.',
    request: { since: u64('last sequence number seen; 0 at first') },
    response: {
      seq: u64('sequence number of this event'),
      kind: text(15, 'installed, promoted, rolled_back, refused, removed, fault, log'),
      name,
      version: u32('version concerned'),
      reason: u32('status code'),
      time_ns: u64('board time'),
      before: u64('cycles per call of the predecessor over the window, where it applies'),
      after: u64('cycles per call of the canary over the window, where it applies'),
      text: text(63, 'log line, for kind log'),
      lost: u64('events that were overwritten before they were read, so far'),
    },
  },
  evidence: {
    id: 8,
    op: 'read',
    doc: 'The i-th record of a version that was thrown out, kept until acknowledged.',
    request: { i: u32('index, from 0') },
    response: {
      id: u32('record number, for acknowledging'),
      name,
      version: u32('version thrown out'),
      reason: u32('status code'),
      time_ns: u64('board time'),
      sha: bytes(32, 'program hash of that version'),
      calls: u64('calls it got'),
      cycles: u64('cycle counter it used'),
      baseline: u64('cycles per call of the predecessor'),
      insn: u32('eBPF instruction of a fault; 0xffffffff when none'),
      esr: u64('ESR_EL1 of a fault, else 0'),
      far: u64('FAR_EL1 of a fault, else 0'),
      regs: bytes(248, 'x0..x30 at a fault, u64le each; empty when none'),
    },
  },
  evidence_ack: {
    id: 9,
    op: 'write',
    door: 'evidence',
    doc: 'Releases an evidence record.',
    request: { id: u32('record number') },
    response: {},
  },
  inject: {
    id: 10,
    op: 'write',
    door: 'packets',
    doc: 'Runs the packet hook on this frame, as if it had been received.',
    request: { data: bytes(2048, 'an Ethernet frame') },
    response: {
      verdict: u32('0 aborted, 1 drop, 2 pass, 3 transmit'),
      cycles: u64('cycle counter spent in the hook'),
    },
  },
  map_read: {
    id: 11,
    op: 'read',
    doc: 'Value of a map entry; for per-core arrays the values of all cores, one after the other. In a ring buffer, whose keys are positions (u64, bytes since it was made), the records that wait from there on, as far as they fit and lie in one piece; they stay.',
    request: { map: text(NAME_BYTES, 'map name'), key: bytes(64, 'key') },
    response: { value: bytes(2048, 'value') },
  },
  map_write: {
    id: 12,
    op: 'write',
    door: 'maps',
    doc: 'Sets a map entry from the host. In a ring buffer, with an empty value, takes what lies before the key: its memory is free again.',
    request: { map: text(NAME_BYTES, 'map name'), key: bytes(64, 'key'), value: bytes(2048, 'value') },
    response: {},
  },
  map_next: {
    id: 13,
    op: 'read',
    doc: 'Key after this one; the first when the key is empty. A ring buffer has one: where it was taken up to.',
    request: { map: text(NAME_BYTES, 'map name'), key: bytes(64, 'key, or empty') },
    response: { key: bytes(64, 'next key') },
  },
  map_info: {
    id: 14,
    op: 'read',
    doc: 'The i-th map.',
    request: { i: u32('index, from 0') },
    response: {
      name: text(NAME_BYTES, 'map name'),
      type: u32('map type'),
      key_size: u32('bytes'),
      value_size: u32('bytes'),
      max_entries: u32('entries; bytes of a ring buffer'),
      entries: u32('entries in use; bytes that wait in a ring buffer'),
      users: u32('module versions that hold it'),
    },
  },
  run: {
    id: 15,
    op: 'write',
    door: 'run',
    doc: 'Verifies, compiles and runs a program once: r1 = address of mem, r2 = its length. Without `code`, the staged bytes are the program.',
    request: {
      jit: bool('run compiled; else interpreted'),
      code: optional(bytes(CHUNK_BYTES, 'eBPF instructions')),
      certificate: optional(
        bytes(CHUNK_BYTES, 'certificate of the program; without one the board infers for itself'),
      ),
      mem: bytes(2048, 'memory, readable and writable'),
      sha: optional(bytes(32, 'SHA-256 of the staged program; default: whatever is staged')),
    },
    response: {
      r0: u64('result'),
      mem: bytes(2048, 'memory afterwards'),
      cycles: u64('cycle counter spent running, net of measuring'),
      jit_bytes: u32('size of the compiled code; 0 when interpreted'),
      bound: u64('proven worst case, in eBPF instructions'),
      verify_insns: u64('cycle counter spent verifying'),
      compile_insns: u64('cycle counter spent compiling'),
    },
  },
  timer: {
    id: 16,
    op: 'write',
    doc: 'Reads the timer hook; sets its period when one is given, which goes through the door `timer`, and clears the counters.',
    request: { period_us: optional(u32('new period, 50..1000000')) },
    response: {
      period_us: u32('period'),
      ticks: u64('ticks since the counters were cleared'),
      missed: u64('periods that passed without a tick'),
      longest_gap_ns: u64('longest time between two ticks'),
    },
  },
  bench: {
    id: 17,
    op: 'write',
    door: 'run',
    doc: 'Measures on the board itself. swap: n swaps of a module while the timer runs; telemetry: cost of the accounting around n calls, and of recording or sampling them while that is on; fault: n versions that fault and are taken back, each leaving evidence.',
    request: { what: text(15, 'swap, telemetry or fault'), n: u32('repetitions') },
    response: {
      n: u32('repetitions done'),
      cycles: u64('cycle counter spent'),
      ticks: u64('timer ticks in the meantime'),
      missed: u64('ticks missed in the meantime'),
      longest_gap_ns: u64('longest time between two ticks in the meantime'),
    },
  },
  profile: {
    id: 22,
    op: 'write',
    door: 'run',
    doc: `Takes samples of what cores are doing, and hands out what was taken since: see "Samples of a profile". A call that is sampled takes some hundred cycles longer. Ends by itself when ${PROBE_UNREAD_LIMIT} samples of one core found no room since the last call. Not while runs are recorded: \`busy\`.`,
    request: {
      every: optional(
        u32('from now on one of so many calls of modules, and interrupts of other code, is sampled; 0: none'),
      ),
    },
    response: {
      every: u32('as it is now'),
      time_ns: u64('board time'),
      lost: u64('samples that found no room since start-up'),
      data: bytes(REPORT_BYTES, 'samples'),
    },
  },
  trace: {
    id: 23,
    op: 'write',
    door: 'run',
    doc: `Records every single run of a hook, and hands out what was recorded since: see "Runs of a trace". A run that is not read in time is overwritten by a newer one. Ends by itself when ${PROBE_UNREAD_LIMIT} runs of one core were not read. Not while a profile is taken: \`busy\`.`,
    request: {
      on: optional(
        bool('from now on every run is recorded, or none; what was not read before it began is dropped'),
      ),
    },
    response: {
      on: bool('as it is now'),
      time_ns: u64('board time'),
      lost: u64('runs that were overwritten since it began'),
      data: bytes(REPORT_BYTES, 'runs'),
    },
  },
  crash: {
    id: 18,
    op: 'read',
    doc: 'The crash record that the last reset left behind; `no_entry` when there is none. Reading keeps it; `reset` of the OS group clears nothing.',
    request: {},
    response: {
      reason: text(31, 'exception class'),
      build: text(40, 'build id of the image that crashed'),
      core: u32('core'),
      esr: u64('ESR_EL1'),
      far: u64('FAR_EL1'),
      elr: u64('ELR_EL1, relative to the image base'),
      spsr: u64('SPSR_EL1'),
      regs: bytes(248, 'x0..x30, u64le each'),
      frames: bytes(
        128,
        'return addresses, innermost first, relative to the image base, u64le each; 0 where there are no more',
      ),
      module: text(NAME_BYTES, 'module that the core ran last; empty when none'),
      module_version: u32('its version'),
      log: text(
        255,
        'the latest events before it, a line each, newest first: time in s, kind, module, version, status, text',
      ),
    },
  },
  key: {
    id: 19,
    op: 'read',
    doc: 'The i-th key of the policy.',
    request: { i: u32('index, from 0') },
    response: {
      id: bytes(KEY_ID_BYTES, 'first bytes of SHA-256 of the public key'),
      roles: u32('mask of what it may sign; 0 once it is revoked'),
      doors: u32('mask of the doors that its commands pass; 0 once it is revoked'),
      open: u32('mask of the doors that need no signature; the same for every key'),
      sequence: u64('highest sequence number accepted from it'),
      revoked: bool('nothing of it is accepted any more'),
      kept: bool('revocations and sequence numbers are kept in storage, over a reset'),
    },
  },
  measured: {
    id: 21,
    op: 'read',
    doc: 'What runs, measured by itself: a check against mistakes, as an image that lies can lie here too.',
    request: {},
    response: {
      root: bytes(
        32,
        'Merkle root over its first `bytes` bytes in memory, in pages: all that is never written',
      ),
      bytes: u32('length of what was measured'),
      image_root: bytes(32, 'root of the whole image as the loader of slots checked it; empty when none did'),
      slot: u32('slot that it was started from; 2 when the firmware started it'),
      confirm_in_s: u32('seconds left to confirm it; 0 when nothing is to be confirmed'),
      storage: bool('the board has a medium with slots'),
    },
  },
  revoke: {
    id: 20,
    op: 'write',
    door: 'keys',
    doc: 'Takes back what a key may do; its place takes the new key when there is one.',
    request: {
      id: bytes(KEY_ID_BYTES, 'id of the key'),
      public_key: optional(bytes(32, 'Ed25519 public key to put into its place, with the same rights')),
    },
    response: {},
  },
} as const satisfies Record<string, Message>;

/** Extra keys that a refusal carries beside `err: {group, rc}`; SMP clients that do not know them skip them. */
export const refusalFields = {
  insn: optional(u32('eBPF instruction that was refused')),
  msg: optional(text(127, 'sentence with the particulars')),
} as const satisfies Fields;
