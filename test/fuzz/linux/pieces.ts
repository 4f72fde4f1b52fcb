/** A program taken apart into instructions that know where they jump to, so that some can go, come or move. */
import { bpf } from '../../../abi/index.ts';
import { LD_IMM64, readSlot, type Slot, writeSlot } from '../../../ebpf/slot.ts';

export type Piece = {
  readonly slot: Slot;
  /** Of a 64-bit load: its upper half. */
  readonly upper?: number;
  /** The piece that it jumps to or calls, by its number; the number of pieces is the end. */
  readonly target?: number;
  /** What the function takes that starts here and is judged by itself. */
  readonly global?: string;
};

const FUNC = 4;
const LOCAL = 1;
const { jmp, jmp32 } = bpf.classes;
const { call, exit, ja } = bpf.jumpOps;

export const isJump = ({ opcode }: Slot): boolean => (opcode & 7) === jmp || (opcode & 7) === jmp32;
export const isCall = (slot: Slot): boolean => isJump(slot) && (slot.opcode & 0xf0) === call;
export const isExit = (slot: Slot): boolean => isJump(slot) && (slot.opcode & 0xf0) === exit;
const isLong = (slot: Slot): boolean => slot.opcode === (jmp32 | ja);
/** Its target is in its number, not in its offset. */
const inNumber = (slot: Slot): boolean => isCall(slot) || isLong(slot) || slot.opcode === LD_IMM64;

export const isLocal = (slot: Slot): boolean => isCall(slot) && slot.src === LOCAL;
export const isFunctionAddress = (slot: Slot): boolean => slot.opcode === LD_IMM64 && slot.src === FUNC;

/** How far it goes, when it goes anywhere. */
const distance = (slot: Slot): number | undefined => {
  if (isLocal(slot) || isFunctionAddress(slot)) return slot.imm;
  if (!isJump(slot) || isCall(slot) || isExit(slot)) return undefined;
  return isLong(slot) ? slot.imm : slot.off;
};

const viewOf = (code: Uint8Array) => new DataView(code.buffer, code.byteOffset, code.byteLength);

/** Undefined for a program whose jumps do not lead to instructions, or that ends in the middle of one. */
export const piecesOf = (
  code: Uint8Array,
  globals: Readonly<Record<number, string>> = {},
): Piece[] | undefined => {
  const view = viewOf(code);
  const found: { piece: Piece; at: number }[] = [];
  for (let at = 0; at < code.length / 8; at++) {
    const slot = readSlot(view, at);
    const wide = slot.opcode === LD_IMM64;
    if (wide && at + 1 >= code.length / 8) return undefined;
    const global = globals[at];
    found.push({
      at,
      piece: {
        slot,
        ...(wide ? { upper: readSlot(view, at + 1).imm } : {}),
        ...(global === undefined ? {} : { global }),
      },
    });
    if (wide) at++;
  }
  const numbers = new Map(found.map(({ at }, i) => [at, i]));
  const pieces: Piece[] = [];
  for (const { piece, at } of found) {
    const far = distance(piece.slot);
    const target = far === undefined ? undefined : numbers.get(at + 1 + far);
    if (far !== undefined && target === undefined) return undefined;
    pieces.push(target === undefined ? piece : { ...piece, target });
  }
  return pieces;
};

const width = ({ upper }: Piece) => (upper === undefined ? 1 : 2);

export type Assembled = { readonly code: Uint8Array; readonly globals: Readonly<Record<number, string>> };

/** Globals that nobody calls any more go: a loader leaves them out too. */
export const assembled = (pieces: readonly Piece[]): Assembled => {
  const starts = [0];
  for (const piece of pieces) starts.push(starts.at(-1)! + width(piece));
  const code = new Uint8Array(8 * starts.at(-1)!);
  const view = viewOf(code);
  const called = new Set(pieces.flatMap((p) => (isLocal(p.slot) ? [p.target] : [])));
  const globals: Record<number, string> = {};
  pieces.forEach((piece, i) => {
    const far = piece.target === undefined ? undefined : starts[piece.target]! - starts[i]! - 1;
    const field = inNumber(piece.slot) ? 'imm' : 'off';
    writeSlot(view, starts[i]!, far === undefined ? piece.slot : { ...piece.slot, [field]: far });
    if (piece.upper !== undefined)
      writeSlot(view, starts[i]! + 1, { opcode: 0, dst: 0, src: 0, off: 0, imm: piece.upper });
    if (piece.global !== undefined && called.has(i)) globals[starts[i]!] = piece.global;
  });
  return { code, globals };
};
