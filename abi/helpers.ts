/** Helper functions that modules may call. Numbers and meanings are Linux's (enum bpf_func_id) where Linux has the helper. */

import type { mapTypes } from './patch.ts';

export type ArgumentType =
  /** any number */
  | 'scalar'
  /** a map (ld_imm64 src 1) */
  | 'map'
  /** readable memory of the map's key size */
  | 'map_key'
  /** readable memory of the map's value size */
  | 'map_value'
  /** readable memory, its size in the next argument (1 or more) */
  | 'memory'
  /** number of bytes of the memory argument before it */
  | 'size';

export type Helper = {
  readonly id: number;
  /** Types of map that it takes, where it takes a map. */
  readonly maps?: readonly (keyof typeof mapTypes)[];
  readonly args: readonly ArgumentType[];
  readonly returns: 'scalar' | 'map_value_or_null';
  readonly c: string;
  readonly doc: string;
};

const keyedMaps = ['hash', 'array', 'percpu_array'] as const;

export const helpers = {
  map_lookup_elem: {
    id: 1,
    maps: keyedMaps,
    args: ['map', 'map_key'],
    returns: 'map_value_or_null',
    c: 'void *(*{})(void *map, const void *key)',
    doc: 'Address of the value for this key, or null.',
  },
  map_update_elem: {
    id: 2,
    maps: keyedMaps,
    args: ['map', 'map_key', 'map_value', 'scalar'],
    returns: 'scalar',
    c: 'long (*{})(void *map, const void *key, const void *value, uint64_t flags)',
    doc: 'Sets a value; flags 0 any, 1 only if absent, 2 only if present. 0, or a negative errno: -7 full, -17 exists, -2 absent.',
  },
  map_delete_elem: {
    id: 3,
    maps: keyedMaps,
    args: ['map', 'map_key'],
    returns: 'scalar',
    c: 'long (*{})(void *map, const void *key)',
    doc: 'Removes an entry of a hash map. 0, or -2 when absent, -22 for arrays.',
  },
  ktime_get_ns: {
    id: 5,
    args: [],
    returns: 'scalar',
    c: 'uint64_t (*{})(void)',
    doc: 'Board time in nanoseconds since boot.',
  },
  trace_printk: {
    id: 6,
    args: ['memory', 'size', 'scalar', 'scalar', 'scalar'],
    returns: 'scalar',
    c: 'long (*{})(const char *fmt, uint32_t fmt_size, ...)',
    doc: 'Logs a line as an event: %d %u %x %ld %lu %lx %llu %llx %lld %%. Returns the length; lines are dropped when the ring is full.',
  },
  get_prandom_u32: {
    id: 7,
    args: [],
    returns: 'scalar',
    c: 'uint32_t (*{})(void)',
    doc: 'A pseudo-random number (xorshift per core; not for secrets).',
  },
  get_smp_processor_id: {
    id: 8,
    args: [],
    returns: 'scalar',
    c: 'uint32_t (*{})(void)',
    doc: 'The core this runs on.',
  },
  ringbuf_output: {
    id: 130,
    maps: ['ringbuf'],
    args: ['map', 'memory', 'size', 'scalar'],
    returns: 'scalar',
    c: 'long (*{})(void *ring, const void *data, uint64_t size, uint64_t flags)',
    doc: 'Copies a record behind those that wait in a ring buffer for the host. flags: 0, BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP, which change nothing here: the host asks. 0, or -11 when it does not fit (the next record says how many were lost), -22 for other flags.',
  },
} as const satisfies Record<string, Helper>;
