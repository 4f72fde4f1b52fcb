/** Cases as the native runner reads them. */
import { hooks, mapTypes } from '../../abi/index.ts';
import { assemble } from '../../ebpf/assembler.ts';

export type Case = {
  name: string;
  hook?: keyof typeof hooks;
  /** Bytes at r1 for hook run. Default 64. */
  memory?: number;
  /** `type key_size value_size entries [flags]` */
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

const mapLine = (text: string): string => {
  const [type, key, value, entries, flags] = text.split(' ');
  return [mapTypes[type as keyof typeof mapTypes], key, value, entries, flags ?? '0'].join(',');
};

const codeOf = (c: Case): string => {
  if (c.raw !== undefined) return c.raw;
  const body = Array<string>(c.repeat ?? 1).fill(c.code ?? '');
  const text = [c.head ?? '', ...body, c.tail ?? ''].join('\n');
  return Buffer.from(assemble(text)).toString('hex');
};

/** The runner's line for a case. */
export const requestOf = (c: Case): string => {
  const hook = c.hook ?? 'run';
  const memory = hook === 'run' ? (c.memory ?? 64) : 0;
  const maps = (c.maps ?? []).map(mapLine).join(';') || '-';
  return [hooks[hook].id, memory, c.budget ?? 1_000_000, 256, maps, codeOf(c) || '-'].join(' ');
};
