/** Cases as the native runner reads them. */
import { HANDED, hooks, type LinuxType, linuxTypes, mapTypes } from '../../abi/index.ts';
import { assemble } from '../../ebpf/assembler.ts';
import { TAKES } from '../../ebpf/elf/index.ts';

export type Case = {
  name: string;
  hook?: keyof typeof hooks;
  /** Linux: program type; instead of `hook`. */
  type?: LinuxType;
  /** Linux: the program may sleep. */
  sleeps?: boolean;
  /** Linux: bits of enum bpf_note, by slot. */
  notes?: Record<string, number>;
  /** Linux: what functions take that are judged by themselves, by the slot where they start: words of `TAKES`, of memory with its bytes, like `number memory:8`. */
  globals?: Record<string, string>;
  /** Linux: words of `HANDED`, what the first words of the context hand over. */
  handed?: string;
  /** Bytes at r1 for hook run. Default 64. */
  memory?: number;
  /** `type key_size value_size entries [flags [inner [contents]]]`; flags are those of Linux, inner is the index of a map that it
   * holds maps like or `-`, contents are the bytes of its only value in hex, which nobody writes. */
  maps?: string[];
  /** Assembly; `repeat` copies of it between `head` and `tail`. */
  code?: string;
  head?: string;
  tail?: string;
  repeat?: number;
  /** Instead of code: hex. */
  raw?: string;
  budget?: number;
  ok?: boolean;
  error?: string;
  insn?: number;
  message?: string;
  bound?: number;
  /** Bytes of stack that the main function uses. */
  stack?: number;
  /** Most instructions the verifier may walk. */
  steps?: number;
};

/** Beside those of the board: enum bpf_map_type of Linux. */
const linuxMapTypes = {
  prog_array: 3,
  perf_event_array: 4,
  percpu_hash: 5,
  stack_trace: 7,
  cgroup_array: 8,
  lru_hash: 9,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  devmap: 14,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  cgroup_storage: 19,
  reuseport_sockarray: 20,
  percpu_cgroup_storage: 21,
  queue: 22,
  stack: 23,
  sk_storage: 24,
  inode_storage: 28,
  task_storage: 29,
  arena: 33,
  cgrp_storage: 32,
} as const;

/** A map, by what its line in a case says. */
const shapeOf = (text: string) => {
  const [type, key, value, entries, flags, inner, contents] = text.split(' ');
  const types: Record<string, number> = { ...mapTypes, ...linuxMapTypes };
  const id = types[type!];
  if (id === undefined) throw new Error(`there is no map type ${type}`);
  return {
    type: id,
    keySize: Number(key),
    valueSize: Number(value),
    entries: Number(entries),
    flags: Number(flags ?? 0),
    /** 1 + the map that it holds maps like, or 0. */
    inner: inner === undefined || inner === '-' ? 0 : Number(inner) + 1,
    contents: contents ?? '',
  };
};

export const shapesOf = (c: Case) => (c.maps ?? []).map(shapeOf);

/** What the assembler does not have stands as a condition with one of these numbers: `may_goto L`, and `cast rN` and `uncast rN` between address spaces. */
const MAY_GOTO = 0x6d617967;
const CASTS = { cast: 0x63617374, uncast: 0x75636173 };
const castImm = new Map([
  [CASTS.cast, 1],
  [CASTS.uncast, 1 << 16],
]);
const withPlatform = (code: Uint8Array): Uint8Array => {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (let at = 0; at < code.length; at += 8) {
    const imm = castImm.get(view.getUint32(at + 4, true));
    if (imm !== undefined) {
      view.setUint16(at, 0xbf | ((code[at + 1]! * 17) << 8), true);
      view.setUint16(at + 2, 1, true);
      view.setUint32(at + 4, imm, true);
    }
    if (view.getUint32(at + 4, true) !== MAY_GOTO) continue;
    view.setUint16(at, 0xe5, true);
    view.setUint32(at + 4, 0, true);
  }
  return code;
};

/** In hex. */
export const codeOf = (c: Case): string => {
  if (c.raw !== undefined) return c.raw;
  const body = Array<string>(c.repeat ?? 1).fill(c.code ?? '');
  const text = [c.head ?? '', ...body, c.tail ?? ''].join('\n');
  return Buffer.from(
    withPlatform(
      assemble(
        text
          .replace(/may_goto (\S+)/g, `if r0 & ${MAY_GOTO} goto $1`)
          .replace(
            /^(cast|uncast) (r\d+)/gm,
            (_, how: 'cast' | 'uncast', r) => `if ${r} & ${CASTS[how]} goto +0`,
          ),
      ),
    ),
  ).toString('hex');
};

/** What Linux's cases may use, as `bpf verify --platform linux` lets them: more than a board lends. */
const LINUX_KIB = 4096;

const notesOf = ({ notes = {} }: Case) =>
  Object.entries(notes)
    .map(([slot, bits]) => `+${slot}:${bits}`)
    .join('');

const argumentText = (word: string): string => {
  const [takes, bytes = '0'] = word.split(':');
  const index = (TAKES as readonly string[]).indexOf(takes!);
  if (index < 0) throw new Error(`no function takes ${takes}`);
  return `,${index}.${bytes}`;
};

const globalsOf = ({ globals = {} }: Case) =>
  Object.entries(globals)
    .map(([slot, words]) => `@${slot}${words.split(' ').filter(Boolean).map(argumentText).join('')}`)
    .join('');

const handedOf = ({ handed = '' }: Case) =>
  handed
    .split(' ')
    .map((word, i) => (word ? `^${i}:${(HANDED as readonly string[]).indexOf(word)}` : ''))
    .join('');

/** The runner's line for a case. */
export const requestOf = (c: Case): string => {
  const hook = c.hook ?? 'run';
  const memory = hook === 'run' && c.type === undefined ? (c.memory ?? 64) : 0;
  const maps =
    shapesOf(c)
      .map((map) => Object.values(map).join())
      .join(';') || '-';
  const [platform, id, kib] = c.type
    ? [
        `${c.sleeps ? 'linux.s' : 'linux'}${notesOf(c)}${globalsOf(c)}${handedOf(c)}`,
        linuxTypes[c.type].id,
        LINUX_KIB,
      ]
    : ['velocity', hooks[hook].id, 256];
  return [platform, id, memory, c.budget ?? 1_000_000, kib, maps, codeOf(c) || '-'].join(' ');
};
