/** Random fast windows, in the manner of what compilers emit: fields loaded, combined, masked, stored. */
import type { AluOp, Size, Width } from '../../ebpf/instruction.ts';
import type { Random } from '../../ebpf/random.ts';
import { namesIn, readBy, writtenBy } from '../window/names.ts';
import type { PlainOperation } from '../window/window.ts';
import { alu, imm, load, mov, store } from './families/family.ts';
import { FIRST_NAME, type Webs } from './webs.ts';

const SIZES: readonly Size[] = [1, 2, 4, 4, 8, 8];
const TWO: readonly AluOp[] = ['add', 'add', 'sub', 'or', 'and', 'xor', 'xor', 'mul'];
const MASKS = [0xff, 0xffff, 0xff00, 0x7f, 0xf, 0xfff, -2, -4, -8, -16, -64, 1, 3, 7, 0x3f];

type Maker = { ops: PlainOperation[]; values: number[]; pointers: number[]; next: number; random: Random };

const fresh = (m: Maker) => m.next++;

const width = (m: Maker): Width => (m.random.once(3) ? 32 : 64);

const withConstant = (m: Maker, d: number) => {
  const { random } = m;
  const w = width(m);
  switch (random.below(6)) {
    case 0:
      return m.ops.push(alu(w, 'and', d, imm(random.pick(MASKS))));
    case 1:
      return m.ops.push(
        alu(w, random.pick(['lsh', 'rsh', 'arsh'] as const), d, imm(1 + random.below(w - 1))),
      );
    case 2:
      return m.ops.push(alu(w, 'mul', d, imm(2 + random.below(30))));
    case 3:
      return m.ops.push(
        alu(w, random.pick(['or', 'xor'] as const), d, imm(random.once(3) ? -1 : random.below(64))),
      );
    default:
      return m.ops.push(alu(w, 'add', d, imm(random.below(80) - 16)));
  }
};

const loaded = (m: Maker): number => {
  const { random } = m;
  const d = fresh(m);
  const size = random.pick(SIZES);
  const base = random.pick(m.pointers);
  const off = random.below(24) * (random.once(3) ? 1 : size);
  if (random.once(8) && size < 8) m.ops.push({ kind: 'load', size, signed: true, dst: d, src: base, off });
  else m.ops.push(load(size, d, base, off));
  if (size > 1 && random.once(4)) {
    const bits = (size * 8) as 16 | 32 | 64;
    m.ops.push({ kind: 'swap', order: 'be', bits, dst: d });
  }
  return d;
};

const copied = (m: Maker): void => {
  const { random } = m;
  const size = random.pick(SIZES);
  const [from, to] = [random.pick(m.pointers), random.pick(m.pointers)];
  const d = fresh(m);
  m.ops.push(
    load(size, d, from, random.below(16) * size),
    store(size, to, random.below(16) * size + (from === to ? 64 : 0), d),
  );
};

const pickValue = (m: Maker): number =>
  m.pointers.length > 0 && (m.values.length === 0 || m.random.once(3)) ? loaded(m) : m.random.pick(m.values);

/** A value computed from others, in a register of its own. */
const computed = (m: Maker): void => {
  const { random } = m;
  const from = pickValue(m);
  const d = random.once(2) ? from : fresh(m);
  if (d !== from) m.ops.push(mov(d, from, width(m)));
  const steps = 1 + random.below(3);
  for (let i = 0; i < steps; i++) step(m, d);
  if (!m.values.includes(d)) m.values.push(d);
};

const step = (m: Maker, d: number): void => {
  const { random } = m;
  const kind = random.below(10);
  if (kind < 5) {
    const s = pickValue(m);
    if (s !== d) m.ops.push(alu(width(m), random.pick(TWO), d, s));
  } else if (kind < 8) withConstant(m, d);
  else if (kind === 8) m.ops.push({ kind: 'neg', width: width(m), dst: d });
  else m.ops.push({ kind: 'movsx', width: 64, bits: random.pick([8, 16, 32] as const), dst: d, src: d });
};

/** a, b chosen by the bits of a mask. */
const chosen = (m: Maker): void => {
  const { random } = m;
  const [d, b] = [pickValue(m), pickValue(m)];
  if (d === b) return;
  const w = width(m);
  m.ops.push(alu(w, 'xor', d, b), alu(w, 'and', d, imm(random.pick(MASKS))), alu(w, 'xor', d, b));
  if (!m.values.includes(d)) m.values.push(d);
};

const stored = (m: Maker): void => {
  const { random } = m;
  const to = random.pick(m.pointers);
  const size = random.pick(SIZES);
  const off = random.below(16) * size;
  if (random.once(3)) m.ops.push(store(size, to, off, imm(random.once(2) ? 0 : random.below(1 << 16))));
  else {
    const value = pickValue(m);
    if (size > 1 && random.once(4))
      m.ops.push({ kind: 'swap', order: 'be', bits: (size * 8) as 16 | 32 | 64, dst: value });
    m.ops.push(store(size, to, off, value));
  }
};

const MAX_FAST = 12;
const FRAME = 10;

/** What is read before it is written was there before; what is written last and read by nobody is wanted behind. */
const close = (operations: readonly PlainOperation[], random: Random): Webs => {
  const liveIn = new Set<number>();
  const known = new Set<number>([FRAME]);
  const unread = new Set<number>();
  for (const op of operations) {
    for (const name of readBy(op)) {
      if (!known.has(name)) liveIn.add(name);
      known.add(name);
      unread.delete(name);
    }
    const written = writtenBy(op);
    if (written === undefined) continue;
    known.add(written);
    unread.add(written);
  }
  const extra = [...new Set(operations.flatMap(namesIn))].filter((n) => n !== FRAME && random.once(6));
  const liveOut = new Set([...unread, ...extra].filter((n) => operations.some((op) => writtenBy(op) === n)));
  return { operations, liveIn, liveOut, nextName: Math.max(FIRST_NAME, ...known) + 1 };
};

export const syntheticWebs = (random: Random): Webs => {
  const pointers = random.below(3);
  const m: Maker = {
    ops: [],
    values: Array.from({ length: random.below(3) + 1 }, (_, i) => FIRST_NAME + i),
    pointers: Array.from({ length: pointers }, (_, i) => (random.once(5) ? FRAME : FIRST_NAME + 4 + i)),
    next: FIRST_NAME + 8,
    random,
  };
  const wanted = 1 + random.below(8);
  for (let i = 0; m.ops.length < wanted && i < 20; i++) {
    const kind = random.below(10);
    if (kind < 5 || m.pointers.length === 0) computed(m);
    else if (kind < 6) chosen(m);
    else if (kind < 9) stored(m);
    else copied(m);
  }
  return close(m.ops.slice(0, MAX_FAST), random);
};
