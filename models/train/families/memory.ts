/** Families on memory: what is read or written in pieces where one access would do. */
import type { Size } from '../../../ebpf/instruction.ts';
import type { PlainOperation } from '../../window/window.ts';
import {
  alu,
  type Expansion,
  type Family,
  imm,
  load,
  mov,
  one,
  type Surroundings,
  store,
  two,
} from './family.ts';

type Place = { readonly off: number; readonly shift: number };

/** d gets the pieces at base, shifted and put together two at a time in any order. */
const joined = (
  d: number,
  base: number,
  places: readonly Place[],
  piece: Size,
  { random, fresh }: Surroundings,
): PlainOperation[] => {
  const last = places.reduce((most, p) => Math.max(most, p.shift), 0) + piece * 8;
  const width = last <= 32 && random.once(2) ? 32 : 64;
  const together = random.once(4) ? 'add' : 'or';
  const out: PlainOperation[] = [];
  const terms = random.shuffle(places).map(({ off, shift }, i) => {
    const term = i === 0 ? d : fresh();
    out.push(load(piece, term, base, off));
    if (shift > 0) out.push(alu(width, 'lsh', term, imm(shift)));
    return term;
  });
  while (terms.length > 1) {
    const [a, b] = random.once(2) ? [terms[0]!, terms[1]!] : [terms.at(-2)!, terms.at(-1)!];
    out.push(alu(width, together, a, b));
    terms.splice(terms.indexOf(b), 1);
  }
  return out;
};

/** Bytes or halves of a load of this size, least significant first. */
const piecesOf = (size: Size, piece: Size): number[] =>
  Array.from({ length: size / piece }, (_, i) => i * piece);

const pieceSize = (size: Size, { random }: Surroundings): Size =>
  size === 8 ? 4 : size === 4 && random.once(2) ? 2 : 1;

/** Through a copy of the base when the load writes its own base. */
const keepBase = (d: number, base: number, { fresh }: Surroundings): [number, PlainOperation[]] => {
  if (d !== base) return [base, []];
  const t = fresh();
  return [t, [mov(t, base)]];
};

const joinedLoad = (
  name: string,
  sizes: readonly Size[],
  piece: (size: Size, around: Surroundings) => Size,
): Family => ({
  name,
  weight: 4,
  expand: (ops, index, around) => {
    const op = ops[index]!;
    if (op.kind !== 'load' || op.signed || !sizes.includes(op.size)) return undefined;
    const part = piece(op.size, around);
    const [base, copy] = keepBase(op.dst, op.src, around);
    const places = piecesOf(op.size, part).map((at) => ({ off: op.off + at, shift: at * 8 }));
    return one(...copy, ...joined(op.dst, base, places, part, around));
  },
});

const swappedLoad: Family = {
  name: 'bytes-joined-big-endian',
  weight: 14,
  expand: (ops, index, around) => {
    const [op, swap] = [ops[index]!, ops[index + 1]];
    if (op.kind !== 'load' || op.signed || swap?.kind !== 'swap' || swap.order === 'le') return undefined;
    if (swap.dst !== op.dst || swap.bits !== op.size * 8 || op.size === 8 || op.size === 1) return undefined;
    const [base, copy] = keepBase(op.dst, op.src, around);
    const places = piecesOf(op.size, 1).map((at) => ({ off: op.off + at, shift: (op.size - 1 - at) * 8 }));
    return two(...copy, ...joined(op.dst, base, places, 1, around));
  },
};

/** A load of one piece of a value, as a wider load shifted and masked. */
const narrowed: Family = {
  name: 'wide-load-cut-down',
  weight: 3,
  expand: (ops, index, { random }) => {
    const op = ops[index]!;
    if (op.kind !== 'load' || op.signed || op.size > 2) return undefined;
    const wide: Size = op.size === 2 ? 4 : random.once(2) ? 2 : 4;
    const at = random.below(wide / op.size) * op.size;
    const pieces: PlainOperation[] = [load(wide, op.dst, op.src, op.off - at)];
    const width = random.once(2) ? 32 : 64;
    if (at > 0) pieces.push(alu(width, 'rsh', op.dst, imm(at * 8)));
    if (at + op.size < wide) pieces.push(alu(width, 'and', op.dst, imm(op.size === 1 ? 0xff : 0xffff)));
    return one(...pieces);
  },
};

const storePieces = (size: Size, around: Surroundings): Size =>
  size === 8 ? (around.random.once(2) ? 4 : 2) : size === 4 ? (around.random.once(2) ? 2 : 1) : 1;

const constantStores: Family = {
  name: 'constant-stored-in-pieces',
  weight: 6,
  expand: (ops, index, around) => {
    const op = ops[index]!;
    if (op.kind !== 'store' || op.src.kind !== 'imm' || op.size === 1) return undefined;
    const part = storePieces(op.size, around);
    const value = BigInt.asUintN(64, BigInt(op.src.imm));
    const places = around.random.once(3)
      ? around.random.shuffle(piecesOf(op.size, part))
      : piecesOf(op.size, part);
    return one(
      ...places.map((at) => {
        const piece = BigInt.asIntN(32, BigInt.asUintN(part * 8, value >> BigInt(at * 8)));
        return store(part, op.dst, op.off + at, imm(Number(piece)));
      }),
    );
  },
};

const storedApart = (name: string, bigEndian: boolean): Family => ({
  name,
  weight: 6,
  expand: (ops, index, around) => {
    const first = ops[index]!;
    const op = bigEndian ? ops[index + 1] : first;
    if (
      op?.kind !== 'store' ||
      op.src.kind !== 'reg' ||
      op.size === 1 ||
      op.size === 8 ||
      op.src.reg === op.dst
    )
      return undefined;
    const { reg: value } = op.src;
    if (
      bigEndian &&
      (first.kind !== 'swap' || first.order === 'le' || first.dst !== value || first.bits !== op.size * 8)
    )
      return undefined;
    if (bigEndian && !around.dead(value, index + 1)) return undefined;
    const pieces: PlainOperation[] = [];
    const width = around.random.once(2) ? 32 : 64;
    for (const at of piecesOf(op.size, 1)) {
      const shift = bigEndian ? (op.size - 1 - at) * 8 : at * 8;
      const t = shift === 0 ? value : around.fresh();
      if (shift > 0) pieces.push(mov(t, value, width), alu(width, 'rsh', t, imm(shift)));
      pieces.push(store(1, op.dst, op.off + at, t));
    }
    return { consumed: bigEndian ? 2 : 1, pieces };
  },
});

/** A copy from one place to another, piece by piece. */
const copiedApart: Family = {
  name: 'copied-in-pieces',
  weight: 8,
  expand: (ops, index, around): Expansion | undefined => {
    const [op, to] = [ops[index]!, ops[index + 1]];
    if (op.kind !== 'load' || op.signed || op.size === 1 || to?.kind !== 'store') return undefined;
    if (
      to.src.kind !== 'reg' ||
      to.src.reg !== op.dst ||
      to.size !== op.size ||
      op.dst === op.src ||
      to.dst === op.dst
    )
      return undefined;
    if (!around.dead(op.dst, index + 1)) return undefined;
    const part = op.size === 8 ? 4 : op.size === 4 && around.random.once(2) ? 2 : 1;
    const loads: PlainOperation[] = [];
    const stores: PlainOperation[] = [];
    for (const at of piecesOf(op.size, part)) {
      const t = at === 0 ? op.dst : around.fresh();
      loads.push(load(part, t, op.src, op.off + at));
      stores.push(store(part, to.dst, to.off + at, t));
    }
    return two(...loads, ...stores);
  },
};

/** The address of an access computed apart. */
const addressApart: Family = {
  name: 'address-computed-apart',
  weight: 3,
  expand: (ops, index, { fresh, random }) => {
    const op = ops[index]!;
    const t = fresh();
    const k = random.once(3) ? random.below(64) : 'off' in op ? op.off : 0;
    if (k === 0) return undefined;
    if (op.kind === 'load')
      return one(mov(t, op.src), alu(64, 'add', t, imm(k)), { ...op, src: t, off: op.off - k });
    if (op.kind === 'store')
      return one(mov(t, op.dst), alu(64, 'add', t, imm(k)), { ...op, dst: t, off: op.off - k });
    return undefined;
  },
};

export const memory: readonly Family[] = [
  joinedLoad('bytes-joined', [2, 4], pieceSize),
  joinedLoad('halves-joined-to-64', [8], () => 4),
  swappedLoad,
  narrowed,
  constantStores,
  storedApart('stored-in-pieces', false),
  storedApart('stored-in-pieces-big-endian', true),
  copiedApart,
  addressApart,
];
