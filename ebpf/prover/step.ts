/** Executes one instruction of RFC 9669 on terms; §-numbers below are its sections. */
import { bpf, MAP_FLAG_READ_ONLY } from '../../abi/index.ts';
import type { Alu, Atomic, Branch, ByteSwap, Instruction, Operand } from '../instruction.ts';
import type { LoadPacket } from '../operation.ts';
import type { Algebra } from './algebra.ts';
import { readByte, writeBytes } from './memory.ts';
import type { State } from './state.ts';
import { ProofLimit, type Term } from './term.ts';
import type { Region } from './world.ts';

const operand = (s: State, src: Operand, width: number): Term => {
  const a = s.world.algebra;
  if (src.kind === 'imm') return a.const(src.imm, width);
  return a.extract(s.register(src.reg), width - 1, 0);
};

/** §4.1: division by zero gives 0, modulo by zero leaves the dividend. */
const divide = (a: Algebra, op: Alu['op'], x: Term, y: Term): Term => {
  const isZero = a.eq(y, a.const(0, y.width));
  const zero = a.const(0, x.width);
  if (isZero === a.true) return op === 'div' || op === 'sdiv' ? zero : x;
  if (op === 'div') return a.ite(isZero, zero, a.udiv(x, y));
  if (op === 'sdiv') return a.ite(isZero, zero, a.sdiv(x, y));
  return a.ite(isZero, x, op === 'mod' ? a.urem(x, y) : a.srem(x, y));
};

const compute = (a: Algebra, op: Alu['op'], x: Term, y: Term): Term => {
  const amount = () => a.and(y, a.const(y.width - 1, y.width));
  switch (op) {
    case 'add':
      return a.add(x, y);
    case 'sub':
      return a.sub(x, y);
    case 'mul':
      return a.mul(x, y);
    case 'or':
      return a.or(x, y);
    case 'and':
      return a.and(x, y);
    case 'xor':
      return a.xor(x, y);
    case 'mov':
      return y;
    case 'lsh':
      return a.shl(x, amount());
    case 'rsh':
      return a.lshr(x, amount());
    case 'arsh':
      return a.ashr(x, amount());
    default:
      return divide(a, op, x, y);
  }
};

const alu = (s: State, i: Alu): void => {
  const a = s.world.algebra;
  const y = operand(s, i.src, i.width);
  const x = i.op === 'mov' ? y : a.extract(s.register(i.dst), i.width - 1, 0);
  s.regs[i.dst] = a.zext(compute(a, i.op, x, y), 64);
};

const bytesOf = (a: Algebra, t: Term): Term[] =>
  Array.from({ length: t.width / 8 }, (_, i) => a.extract(t, i * 8 + 7, i * 8));

const isMadeOf = (a: Algebra, value: Term, bytes: readonly Term[]): boolean =>
  value.width === bytes.length * 8 && bytesOf(a, value).every((byte, i) => byte === bytes[i]);

/** §4.2; the machine is little-endian. */
const swap = (s: State, i: ByteSwap): void => {
  const a = s.world.algebra;
  const low = a.extract(s.register(i.dst), i.bits - 1, 0);
  const value = i.order === 'le' ? low : a.concat(bytesOf(a, low));
  s.regs[i.dst] = a.zext(value, 64);
};

export type Place = { readonly region: Region; readonly offset: Term };

export const place = (s: State, pointer: Term, off: number): Place => {
  const address = s.world.algebra.add(pointer, s.world.algebra.const(off, 64));
  const found = s.world.resolve(address);
  if (!found) throw new ProofLimit(`the address at instruction ${s.slot} is not one region plus an offset`);
  return found;
};

export const read = (s: State, at: Place, size: number): Term => {
  const a = s.world.algebra;
  if (at.region.kind === 'context') return s.world.context(at.offset, size);
  const memory = s.memory(at.region);
  const initial = s.initial(at.region);
  const bytes = Array.from({ length: size }, (_, i) =>
    readByte(a, memory, a.add(at.offset, a.const(i, 64)), initial),
  );
  const spilled = s.world.spilled.get(bytes[0]!)?.find((value) => isMadeOf(a, value, bytes));
  return spilled ?? a.concat(bytes.reverse());
};

/** Names of bytes that others may change at any time. */
const changeable = (s: State, { region, offset }: Place, size: number): string[] => {
  const { algebra, setting } = s.world;
  if (region.kind !== 'map' || (setting.maps[region.map]!.flags & MAP_FLAG_READ_ONLY) !== 0) return [];
  const name = `${region.name}@${s.version(region)}`;
  return Array.from({ length: size }, (_, i) => `${name}[${algebra.add(offset, algebra.const(i, 64)).id}]`);
};

const put = (s: State, at: Place, value: Term): void => {
  if (at.region.kind === 'context') throw new ProofLimit('writes to the context');
  const bytes = bytesOf(s.world.algebra, value);
  if (at.region.kind === 'stack') s.world.rememberSpilled(bytes[0]!, value);
  s.memories.set(at.region.name, writeBytes(s.memory(at.region), at.offset, bytes));
};

/** @param isDone whether anything is written: where it is not, `value` is what was there */
export const write = (s: State, at: Place, value: Term, isDone = s.world.algebra.true): void => {
  put(s, at, value);
  const region = s.world.storedIn(at.region);
  if (!region) return;
  for (const byte of changeable(s, at, value.width / 8)) s.touch(byte);
  const a = s.world.algebra;
  const memory = s.memory(region);
  const stored = bytesOf(a, value).map((_, i) => {
    const before = () => readByte(a, memory, a.add(at.offset, a.const(i, 64)), s.initial(region));
    return isDone === a.true ? a.const(1, 8) : a.ite(isDone, a.const(1, 8), before());
  });
  s.memories.set(region.name, writeBytes(memory, at.offset, stored));
};

/**
 * §5.6, of the packet of the context in r6: whether it is long enough, and what is loaded then, most significant byte first.
 * @throws ProofLimit where r6 is no such context
 */
export const packetLoad = (
  s: State,
  i: LoadPacket,
): { readonly isInside: Term; readonly load: (s: State) => void } => {
  const { world } = s;
  const a = world.algebra;
  const context = world.resolve(s.register(6));
  if (world.setting.hook !== 'packet' || context?.region.kind !== 'context' || context.offset.max !== 0n)
    throw new ProofLimit(`the packet load at instruction ${s.slot} has no context in r6`);
  const index = a.const(i.imm, 32);
  const from = i.src === null ? index : a.add(a.extract(s.register(i.src), 31, 0), index);
  const offset = a.zext(from, 64);
  const isInside = a.ule(a.add(offset, a.const(i.size, 64)), a.zext(world.length(), 64));
  const load = (inside: State): void => {
    const value = read(inside, { region: world.regionNamed('packet'), offset }, i.size);
    inside.regs.fill(undefined, 1, 6);
    inside.regs[0] = a.zext(a.concat(bytesOf(a, value)), 64);
  };
  return { isInside, load };
};

/**
 * One that returns the old value orders all of memory (Linux kernel memory model, as the JIT compiles it): others may have read all
 * that was stored before, and may have changed anything since they were last looked at.
 */
const exchange = (s: State, i: Atomic, at: Place, args: readonly Term[]): Term => {
  s.emit(`atomic fetch ${i.op} ${i.size} ${at.region.name}`, args, {
    publishes: true,
    changed: s.world.shared,
  });
  return s.world.algebra.variable(`atomic.result${s.compared}`, i.size * 8);
};

const changedBy = (a: Algebra, { op }: Atomic, old: Term, value: Term, expected: Term): Term => {
  if (op === 'cmpxchg') return a.ite(a.eq(old, expected), value, old);
  return op === 'xchg' ? value : compute(a, op, old, value);
};

/**
 * One whose old value is dropped orders only what is done at its own place: others may have changed that, so what is there afterwards
 * is the same in both programs, and nothing is known of it. Not where the old program does the same in steps.
 */
const count = (s: State, i: Atomic, at: Place, args: readonly Term[]): void => {
  const a = s.world.algebra;
  const [, value, expected] = args;
  const left = changedBy(a, i, read(s, at, i.size), value!, expected!);
  const what = `atomic ${i.op} ${i.size} ${at.region.name}`;
  const place = s.place;
  const isAdded = s.adds(what, args, place.at, place.added);
  s.emit(what, args, { plain: { region: at.region, size: i.size, left, isAdded } });
  put(s, at, isAdded ? left : a.variable(`atomic.left${place.at}`, i.size * 8));
};

/** §5.3. On memory that others share, the operation itself is something they see. */
const atomic = (s: State, i: Atomic): void => {
  const a = s.world.algebra;
  const at = place(s, s.register(i.dst), i.off);
  const value = a.extract(s.register(i.src), i.size * 8 - 1, 0);
  const expected = i.op === 'cmpxchg' ? a.extract(s.register(0), i.size * 8 - 1, 0) : value;
  const args = [at.offset, value, expected];
  const isShared = at.region.kind !== 'stack' && at.region.kind !== 'memory';
  if (isShared && !i.fetch && s.world.plainAtomicsAreEvents) {
    count(s, i, at, args);
    return;
  }
  const own = isShared && i.fetch ? undefined : read(s, at, i.size);
  if (own) write(s, at, changedBy(a, i, own, value, expected));
  const old = own ?? exchange(s, i, at, args);
  if (i.fetch) s.regs[i.op === 'cmpxchg' ? 0 : i.src] = a.zext(old, 64);
};

/** Only what lies in a region, or behind it, is known not to be 0: boards have memory from there on. */
const isNeverNull = (s: State, { region, offset }: Place): boolean => {
  const { algebra } = s.world;
  const fromFirst =
    region.kind === 'stack' ? algebra.add(offset, algebra.const(bpf.STACK_BYTES, 64)) : offset;
  return s.facts.range(fromFirst).max < 1n << 63n;
};

const ORDERS: ReadonlySet<Branch['op']> = new Set(['jgt', 'jge', 'jlt', 'jle']);

/** An unsigned comparison of two addresses in one region compares offsets: no region wraps around the address space. */
const comparePointers = (s: State, op: Branch['op'], x: Term, y: Term): Term | undefined => {
  const a = s.world.algebra;
  const left = s.world.resolve(x);
  const right = s.world.resolve(y);
  const equality = op === 'jeq' || op === 'jne';
  const pointer = y.max === 0n ? left : x.max === 0n ? right : undefined;
  if (equality && pointer && isNeverNull(s, pointer)) return op === 'jeq' ? a.false : a.true;
  if (!left || !right || left.region !== right.region) return undefined;
  const bounded = (t: Term) => s.facts.range(t).max < 1n << 32n;
  const ordered = ORDERS.has(op) && bounded(left.offset) && bounded(right.offset);
  if (!equality && !ordered) return undefined;
  return compare(a, op, left.offset, right.offset);
};

const compare = (a: Algebra, op: Branch['op'], x: Term, y: Term): Term => {
  switch (op) {
    case 'jeq':
      return a.eq(x, y);
    case 'jne':
      return a.not(a.eq(x, y));
    case 'jgt':
      return a.ult(y, x);
    case 'jge':
      return a.ule(y, x);
    case 'jlt':
      return a.ult(x, y);
    case 'jle':
      return a.ule(x, y);
    case 'jset':
      return a.not(a.eq(a.and(x, y), a.const(0, x.width)));
    case 'jsgt':
      return a.slt(y, x);
    case 'jsge':
      return a.sle(y, x);
    case 'jslt':
      return a.slt(x, y);
    case 'jsle':
      return a.sle(x, y);
  }
};

/** §4.3: the condition under which a branch is taken. */
export const condition = (s: State, i: Branch): Term => {
  const a = s.world.algebra;
  const x = a.extract(s.register(i.dst), i.width - 1, 0);
  const y = operand(s, i.src, i.width);
  return (i.width === 64 ? comparePointers(s, i.op, x, y) : undefined) ?? compare(a, i.op, x, y);
};

const loadImm64 = (s: State, i: Instruction & { kind: 'ld_imm64' }): Term => {
  const a = s.world.algebra;
  const index = Number(i.imm & 0xffffffffn);
  if (i.form === 'number') return a.const(i.imm, 64);
  if (i.form === 'function' || index >= s.world.setting.maps.length)
    throw new ProofLimit(`ld_imm64 at instruction ${i.slot} names nothing that is known`);
  if (i.form === 'map') return a.variable(`map${index}.handle`, 64);
  return a.add(s.world.base(`map${index}`), a.const(i.imm >> 32n, 64));
};

/** Executes an instruction that always goes on to the next one. */
export const execute = (s: State, i: Instruction): void => {
  const a = s.world.algebra;
  switch (i.kind) {
    case 'alu':
      alu(s, i);
      return;
    case 'neg':
      s.regs[i.dst] = a.zext(a.neg(a.extract(s.register(i.dst), i.width - 1, 0)), 64);
      return;
    case 'movsx':
      s.regs[i.dst] = a.zext(a.sext(a.extract(s.register(i.src), i.bits - 1, 0), i.width), 64);
      return;
    case 'swap':
      swap(s, i);
      return;
    case 'load': {
      const at = place(s, s.register(i.src), i.off);
      const value = read(s, at, i.size);
      for (const byte of changeable(s, at, i.size)) s.look(byte);
      s.regs[i.dst] = i.signed ? a.sext(value, 64) : a.zext(value, 64);
      return;
    }
    case 'store':
      write(s, place(s, s.register(i.dst), i.off), operand(s, i.src, i.size * 8));
      return;
    case 'atomic':
      atomic(s, i);
      return;
    case 'ld_imm64':
      s.regs[i.dst] = loadImm64(s, i);
      return;
    default:
      throw new ProofLimit(`${i.kind} at instruction ${i.slot} is not understood`);
  }
};
