/** Lines as people type them, and as programs look for them: with the characters that they are compared with, where they are compared. */
import { UART_LINE_BYTES } from '../../abi/index.ts';
import type { Instruction } from '../operation.ts';
import type { RandomInputs } from './random-inputs.ts';

/** Bytes that an instruction compares with what was loaded from a place in the line; a zero is where the line ends. */
export type Sought = { readonly at: number; readonly bytes: readonly number[] };

const littleEndian = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));

/** In the order of the code, as if each register held the start of the line. */
export const soughtBy = (instructions: readonly Instruction[]): Sought[] => {
  const loads = new Map<number, { readonly at: number; readonly size: number }>();
  return instructions.flatMap((o) => {
    if (o.kind === 'branch') {
      const loaded = loads.get(o.dst);
      return loaded && o.src.kind === 'imm'
        ? [{ at: loaded.at, bytes: littleEndian(o.src.imm, loaded.size) }]
        : [];
    }
    if (o.kind === 'load' && o.off >= 0) loads.set(o.dst, { at: o.off, size: o.size });
    else if ('dst' in o) loads.delete(o.dst);
    return [];
  });
};

/** What a person may type. */
const FIRST = 0x20;
const LAST = 0x7e;
const isTyped = (byte: number) => byte >= FIRST && byte <= LAST;

/** The room of a line, with zeros behind the line in it. */
export const typedLine = (
  random: RandomInputs,
  sought: readonly Sought[],
): { readonly memory: Uint8Array; readonly len: bigint } => {
  const line = Uint8Array.from({ length: 1 + random.below(UART_LINE_BYTES - 1) }, () =>
    random.below(4) === 0 ? 0x30 + random.below(10) : FIRST + random.below(LAST - FIRST + 1),
  );
  for (const { at, bytes } of sought)
    if (random.below(4) !== 0)
      line.set(bytes.slice(0, Math.max(0, line.length - at)), Math.min(at, line.length));
  if (!isTyped(line[0]!)) line[0] = LAST; // no line is empty
  const end = line.findIndex((byte) => !isTyped(byte));
  const length = end < 0 ? line.length : end;
  const memory = new Uint8Array(UART_LINE_BYTES);
  memory.set(line.subarray(0, length));
  return { memory, len: BigInt(length) };
};
