/** Puts what a CO-RE relocation comes to into its instruction (libbpf, bpf_core_patch_insn). */
import { bpf } from '../../abi/index.ts';
import { LD_IMM64, readSlot, type Slot, writeSlot } from '../slot.ts';
import type { CoreResult } from './core.ts';
import { ElfError } from './error.ts';

const { classes, jumpOps } = bpf;

/** libbpf calls this helper where something is missing: no kernel has it. */
const NO_HELPER = 0xbad2310;

/** Size bits of loads and stores, by bytes. */
const SIZES: Readonly<Record<number, number>> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };
const SIZE_MASK = 0x18;

const moved = (s: Slot, { value, bytes, localBytes }: Extract<CoreResult, { value: bigint }>): Slot => {
  if (value > 0x7fffn) throw new ElfError('core_unsupported', `a field at ${value} is out of reach`);
  const resized = bytes !== localBytes && SIZES[localBytes ?? 0] === (s.opcode & SIZE_MASK);
  if (!resized) return { ...s, off: Number(value) };
  const size = SIZES[bytes ?? 0];
  if (size === undefined) throw new ElfError('core_unsupported', `a field of ${bytes} bytes is loaded whole`);
  return { ...s, off: Number(value), opcode: (s.opcode & ~SIZE_MASK) | size };
};

/** The program must not come to this slot: a call of what does not exist stands there. */
export const closeSlot = (view: DataView, slot: number) => {
  const call = { opcode: classes.jmp | jumpOps.call, dst: 0, src: 0, off: 0, imm: NO_HELPER };
  const wide = readSlot(view, slot).opcode === LD_IMM64 && (slot + 2) * bpf.INSN_BYTES <= view.byteLength;
  writeSlot(view, slot, call);
  if (wide) writeSlot(view, slot + 1, call);
};

/** @throws ElfError when the kernel does not have it, or the instruction can't hold it. */
export const applyCore = (view: DataView, slot: number, result: CoreResult) => {
  const s = readSlot(view, slot);
  const wide = s.opcode === LD_IMM64;
  if ('missing' in result) throw new ElfError('core_unsupported', result.missing);
  const kind = s.opcode & 7;
  const low = Number(BigInt.asIntN(32, result.value));
  if (wide) {
    writeSlot(view, slot, { ...s, imm: low });
    const high = Number(BigInt.asIntN(32, result.value >> 32n));
    writeSlot(view, slot + 1, { opcode: 0, dst: 0, src: 0, off: 0, imm: high });
  } else if (kind === classes.alu || kind === classes.alu64) {
    if (s.opcode & 8) throw new ElfError('bad_relocation', `slot ${slot} has no number to relocate`);
    writeSlot(view, slot, { ...s, imm: low });
  } else if (kind === classes.ldx || kind === classes.st || kind === classes.stx) {
    writeSlot(view, slot, moved(s, result));
  } else throw new ElfError('bad_relocation', `slot ${slot} is nothing that CO-RE relocates`);
};
