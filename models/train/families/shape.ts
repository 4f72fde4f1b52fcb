/** Families on width, shifts, constants and copies: what compilers leave behind for older instruction sets. */
import type { Alu } from '../../../ebpf/instruction.ts';
import type { PlainOperation } from '../../window/window.ts';
import { alu, type Family, imm, mov, one, otherOperand } from './family.ts';

const signExtended: Family = {
  name: 'sign-extended-by-shifts',
  weight: 6,
  expand: (ops, index) => {
    const op = ops[index]!;
    if (op.kind !== 'movsx') return undefined;
    const shift = imm(op.width - op.bits);
    const copy = op.dst === op.src ? [] : [mov(op.dst, op.src, op.width)];
    return one(...copy, alu(op.width, 'lsh', op.dst, shift), alu(op.width, 'arsh', op.dst, shift));
  },
};

const signedLoad: Family = {
  name: 'signed-load-by-shifts',
  weight: 5,
  expand: (ops, index, { random }) => {
    const op = ops[index]!;
    if (op.kind !== 'load' || !op.signed || op.size === 8) return undefined;
    const plain: PlainOperation = { ...op, signed: false };
    const bits = (op.size * 8) as 8 | 16 | 32;
    if (random.once(3)) return one(plain, { kind: 'movsx', width: 64, bits, dst: op.dst, src: op.dst });
    return one(plain, alu(64, 'lsh', op.dst, imm(64 - bits)), alu(64, 'arsh', op.dst, imm(64 - bits)));
  },
};

const zeroExtended: Family = {
  name: 'zero-extended-by-shifts',
  weight: 6,
  expand: (ops, index) => {
    const op = ops[index]!;
    if (op.kind !== 'alu' || (op.src.kind === 'reg' && op.op !== 'mov')) return undefined;
    if (op.op === 'mov' && op.width === 32 && op.src.kind === 'reg') {
      const copy = op.dst === op.src.reg ? [] : [mov(op.dst, op.src)];
      return one(...copy, alu(64, 'lsh', op.dst, imm(32)), alu(64, 'rsh', op.dst, imm(32)));
    }
    const k = op.op === 'and' && op.src.kind === 'imm' ? Math.log2(op.src.imm + 1) : 0;
    if (!Number.isInteger(k) || k < 8 || k > 16) return undefined;
    return one(
      alu(op.width, 'lsh', op.dst, imm(op.width - k)),
      alu(op.width, 'rsh', op.dst, imm(op.width - k)),
    );
  },
};

/** Clearing bits that are clear. */
const maskedAgain: Family = {
  name: 'masked-again',
  weight: 4,
  expand: (ops, index, { random }) => {
    const op = ops[index]!;
    const known =
      op.kind === 'load' && !op.signed && op.size < 8
        ? op.size * 8
        : op.kind === 'swap' && op.bits < 64
          ? op.bits
          : op.kind === 'alu' && op.width === 32
            ? 32
            : 64;
    if (known === 64 || !('dst' in op)) return undefined;
    if (known === 32 || random.once(2)) {
      const shift = imm(64 - Math.max(known, random.once(2) ? 32 : known));
      return one(op, alu(64, 'lsh', op.dst, shift), alu(64, 'rsh', op.dst, shift));
    }
    return one(op, alu(random.once(2) ? 32 : 64, 'and', op.dst, imm(known === 8 ? 0xff : 0xffff)));
  },
};

const SPLITS: Partial<Record<Alu['op'], (value: number, part: number) => [number, number] | undefined>> = {
  add: (v, p) => [p, v - p],
  sub: (v, p) => [p, v - p],
  xor: (v, p) => [p, v ^ p],
  and: (v, p) => [v | p, v | ~p],
  or: (v, p) => ((v & p) === v || (v & p) === 0 ? undefined : [v & p, v & ~p]),
};

const splitConstant: Family = {
  name: 'constant-applied-in-two',
  weight: 4,
  expand: (ops, index, { random }) => {
    const op = ops[index]!;
    if (op.kind !== 'alu' || op.src.kind !== 'imm') return undefined;
    const { imm: value } = op.src;
    if ((op.op === 'lsh' || op.op === 'rsh' || op.op === 'arsh') && value > 1) {
      const k = 1 + random.below(value - 1);
      return one({ ...op, src: imm(k) }, { ...op, src: imm(value - k) });
    }
    const split = SPLITS[op.op]?.(
      value,
      op.op === 'add' || op.op === 'sub' ? random.below(64) + 1 : random.next() | 0,
    );
    return split && one({ ...op, src: imm(split[0]) }, { ...op, src: imm(split[1]) });
  },
};

/** Multiplied by a small constant as shifts and sums. */
const multiplied: Family = {
  name: 'product-by-shifts',
  weight: 6,
  expand: (ops, index, { fresh }) => {
    const op = ops[index]!;
    if (op.kind !== 'alu' || op.op !== 'mul' || op.src.kind !== 'imm') return undefined;
    const {
      dst: d,
      width: w,
      src: { imm: c },
    } = op;
    const t = fresh();
    const low = c & -c;
    const tail = low > 1 ? [alu(w, 'lsh', d, imm(Math.log2(low)))] : [];
    const odd = c / low;
    const [up, down] = [Math.log2(odd - 1), Math.log2(odd + 1)];
    if (odd > 2 && Number.isInteger(up))
      return one(mov(t, d, w), alu(w, 'lsh', t, imm(up)), alu(w, 'add', d, t), ...tail);
    if (odd > 2 && Number.isInteger(down))
      return one(mov(t, d, w), alu(w, 'lsh', d, imm(down)), alu(w, 'sub', d, t), ...tail);
    return undefined;
  },
};

/** The low bits cleared, or the high ones, by shifting there and back. */
const clearedByShifts = (name: string, low: boolean): Family => ({
  name,
  weight: 4,
  expand: (ops, index) => {
    const op = ops[index]!;
    if (op.kind !== 'alu' || op.op !== 'and' || op.src.kind !== 'imm') return undefined;
    const k = Math.log2(low ? -op.src.imm : op.src.imm + 1);
    if (!Number.isInteger(k) || k < 1 || k > 31 || k === 8 || k === 16) return undefined;
    const shift = imm(low ? k : op.width - k);
    return one(
      alu(op.width, low ? 'rsh' : 'lsh', op.dst, shift),
      alu(op.width, low ? 'lsh' : 'rsh', op.dst, shift),
    );
  },
});

const constantInRegister: Family = {
  name: 'constant-in-register',
  weight: 4,
  expand: (ops, index, { fresh }) => {
    const op = ops[index]!;
    if ((op.kind !== 'alu' && op.kind !== 'store') || op.src.kind !== 'imm') return undefined;
    const t = fresh();
    if (op.kind === 'alu' && op.op === 'mov') return undefined;
    const width = op.kind === 'store' ? 64 : op.width;
    return one(mov(t, op.src, width), { ...op, src: { kind: 'reg', reg: t } });
  },
};

const computedConstant: Family = {
  name: 'constant-computed',
  weight: 3,
  expand: (ops, index, { random }) => {
    const op = ops[index]!;
    if (op.kind !== 'alu' || op.op !== 'mov' || op.src.kind !== 'imm') return undefined;
    const { imm: value } = op.src;
    const k = random.below(16) + 1;
    if (value > 0 && value % 4 === 0 && random.once(2))
      return one(mov(op.dst, imm(value / 4), op.width), alu(op.width, 'lsh', op.dst, imm(2)));
    if (Math.abs(value) > 1 << 24) return undefined;
    return one(mov(op.dst, imm(value - k), op.width), alu(op.width, 'add', op.dst, imm(k)));
  },
};

const copiedFirst: Family = {
  name: 'operand-copied-first',
  weight: 4,
  expand: (ops, index, { fresh }) => {
    const op = ops[index]!;
    const t = fresh();
    if (op.kind === 'store' && op.src.kind === 'reg')
      return one(mov(t, op.src), { ...op, src: { kind: 'reg', reg: t } });
    const s = otherOperand(op);
    if (op.kind !== 'alu' || s === undefined) return undefined;
    return one(mov(t, s, op.op === 'mov' ? 64 : op.width), { ...op, src: { kind: 'reg', reg: t } });
  },
};

/** Something computed that nobody reads. */
const unused: Family = {
  name: 'unused-result',
  weight: 2,
  expand: (ops, index, { fresh, random }) => {
    const op = ops[index]!;
    const s = otherOperand(op);
    if (op.kind !== 'alu' || s === undefined) return undefined;
    const t = fresh();
    return one(
      mov(t, s),
      alu(64, random.pick(['add', 'xor', 'and', 'lsh']), t, imm(random.below(32) + 1)),
      op,
    );
  },
};

/** Undone at once: x ^ b ^ b, x + b - b, a | (a & b). */
const undone: Family = {
  name: 'done-and-undone',
  weight: 3,
  expand: (ops, index, { random, fresh }) => {
    const op = ops[index]!;
    const s = otherOperand(op);
    if (op.kind !== 'alu' || s === undefined || op.op === 'mov') return undefined;
    const { dst: d, width: w } = op;
    const kind = random.below(4);
    if (kind === 0) return one(op, alu(w, 'xor', d, s), alu(w, 'xor', d, s));
    if (kind === 1) return one(op, alu(w, 'add', d, s), alu(w, 'sub', d, s));
    const t = fresh();
    const [inner, outer] = kind === 2 ? (['and', 'or'] as const) : (['or', 'and'] as const);
    return one(op, mov(t, d, w), alu(w, inner, t, s), alu(w, outer, d, t));
  },
};

const swappedByShifts: Family = {
  name: 'swapped-by-shifts',
  weight: 8,
  expand: (ops, index, { bits, fresh }) => {
    const op = ops[index]!;
    if (op.kind !== 'swap' || op.bits !== 16 || op.order === 'le') return undefined;
    const t = fresh();
    const d = op.dst;
    const clean = bits(d) <= 16;
    return one(
      mov(t, d),
      ...(clean ? [] : [alu(64, 'and', t, imm(0xffff))]),
      alu(64, 'rsh', t, imm(8)),
      alu(64, 'lsh', d, imm(8)),
      alu(64, 'and', d, imm(0xffff)),
      alu(64, 'or', d, t),
    );
  },
};

export const shape: readonly Family[] = [
  signExtended,
  signedLoad,
  zeroExtended,
  maskedAgain,
  splitConstant,
  multiplied,
  clearedByShifts('low-bits-cleared-by-shifts', true),
  clearedByShifts('high-bits-cleared-by-shifts', false),
  constantInRegister,
  computedConstant,
  copiedFirst,
  unused,
  undone,
  swappedByShifts,
];
