/** Rules on loads: bytes put together become one wide load; loads from constant tables become constants. */
import { MAP_FLAG_READ_ONLY } from '../../abi/index.ts';
import type { ByteSwap, Operation, Size } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Context, Rule } from './rule.ts';
import { type Byte, rewriteWithValues, type ValueId, type Values } from './values.ts';

type Run = { size: Size; root: ValueId; offset: number; swapped: boolean };

/** The one load, with its byte order, that gives these bytes and zeros above. */
const runOf = (bytes: readonly Byte[], values: Values): Run | undefined => {
  const low = bytes.filter((b) => b !== 'zero');
  const size = low.length;
  if (size !== 2 && size !== 4 && size !== 8) return undefined;
  const [first, second] = low;
  if (!first || !second || bytes[0] === 'zero') return undefined;
  const step = second.offset - first.offset;
  const inOrder = bytes.slice(0, size).every((b, i) => {
    if (b === undefined || b === 'zero') return false;
    return (
      b.root === first.root &&
      b.offset === first.offset + step * i &&
      b.epoch === values.epochOf(b.root, b.offset)
    );
  });
  if (!inOrder || (step !== 1 && step !== -1)) return undefined;
  const swapped = step === -1;
  return { size, root: first.root, offset: swapped ? first.offset - size + 1 : first.offset, swapped };
};

const wideLoad = (run: Run, dst: number, src: number, off: number): Node[] => {
  const load = nodeOf({ kind: 'load', size: run.size, signed: false, dst, src, off });
  const bits = (run.size * 8) as ByteSwap['bits'];
  return run.swapped ? [load, nodeOf({ kind: 'swap', order: 'be', bits, dst })] : [load];
};

const loadOf = (run: Run, dst: number, values: Values): Node[] | undefined => {
  for (let r = 0; r <= 10; r++) {
    const base = values.info(values.regs[r]!);
    const off = run.offset - base.offset;
    if (base.root === run.root && off >= -0x8000 && off <= 0x7fff) return wideLoad(run, dst, r, off);
  }
  return undefined;
};

type SeenLoad = { node: Node; op: Operation & { kind: 'load' }; index: number; at: number; root: ValueId };

/** A register that nobody needs from before node `from` until after node `to`. */
const freeRegister = (code: Code, live: readonly number[], from: number, to: number): number | undefined => {
  let busy = from > 0 ? live[from - 1]! : 0b111111;
  for (let i = from; i <= to; i++) {
    const { reads, writes } = registersOf(code[i]!.op);
    busy |= reads | writes | live[i]!;
  }
  return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((r) => (busy & (1 << r)) === 0);
};

/** Where no register points there any more: the wide load goes before an earlier load of one of the bytes. */
const loadEarlier = (run: Run, dst: number, index: number, code: Code, seen: readonly SeenLoad[]) => {
  const fits = (s: SeenLoad) =>
    s.root === run.root && s.at >= run.offset && s.at + s.op.size <= run.offset + run.size;
  const found = seen.find(fits);
  const register = found && freeRegister(code, liveAfter(code), found.index, index);
  if (!found || register === undefined) return undefined;
  const { op, node, at } = found;
  const load = wideLoad(run, register, op.src, op.off + run.offset - at);
  const copy = nodeOf({ kind: 'alu', width: 64, op: 'mov', dst, src: { kind: 'reg', reg: register } });
  return { node, load, copy };
};

const mayWrite: ReadonlySet<Operation['kind']> = new Set(['store', 'atomic', 'call', 'callx']);

const combine = (code: Code): Code | undefined => {
  let seen: SeenLoad[] = [];
  const added = new Map<Node, Node[]>();
  const starts = new Set(code.map((n) => n.target));
  const out = rewriteWithValues(code, (node, values, index) => {
    const { op } = node;
    if (starts.has(code[index]!) || added.size > 0 || mayWrite.has(op.kind)) seen = [];
    if (op.kind === 'load') {
      const { root, offset } = values.info(values.regs[op.src]!);
      seen.push({ node, op, index, at: offset + op.off, root });
    }
    if (op.kind !== 'alu' || !['or', 'add', 'xor'].includes(op.op)) return undefined;
    const value = values.result(op);
    const run = value === undefined ? undefined : runOf(values.info(value).bytes, values);
    if (!run) return undefined;
    const made = loadOf(run, op.dst, values);
    if (made) return made;
    const earlier = loadEarlier(run, op.dst, index, code, seen);
    if (!earlier) return undefined;
    added.set(earlier.node, [...earlier.load, nodeOf(earlier.node.op)]);
    return [earlier.copy];
  });
  return out && replaceNodes(out, (node) => added.get(node));
};

export const loadCombining: Rule = {
  name: 'load-combining',
  doc: 'Replaces bytes that are loaded and shifted together by one wide load, swapped where the order is the other one.',
  apply: combine,
};

const constantAt = (
  values: Values,
  op: Operation & { kind: 'load' },
  { maps }: Context,
): bigint | undefined => {
  const { root, offset } = values.info(values.regs[op.src]!);
  const index = values.maps.get(root);
  const map = index === undefined ? undefined : maps[index];
  const at = offset + op.off;
  if (!map?.init || (map.flags & MAP_FLAG_READ_ONLY) === 0 || at < 0 || at + op.size > map.init.length)
    return undefined;
  let value = 0n;
  for (let i = op.size - 1; i >= 0; i--) value = (value << 8n) | BigInt(map.init[at + i]!);
  return op.signed ? BigInt.asIntN(op.size * 8, value) : value;
};

export const constantLoads: Rule = {
  name: 'constant-loads',
  doc: 'Replaces loads from constant tables by the constant.',
  apply: (code, context) =>
    rewriteWithValues(code, ({ op }, values) => {
      if (op.kind !== 'load') return undefined;
      const value = constantAt(values, op, context);
      if (value === undefined) return undefined;
      const imm = BigInt.asUintN(64, value);
      const fits = BigInt.asIntN(32, value) === BigInt.asIntN(64, value);
      if (!fits) return [nodeOf({ kind: 'ld_imm64', form: 'number', dst: op.dst, imm })];
      const src = { kind: 'imm', imm: Number(value) } as const;
      return [nodeOf({ kind: 'alu', width: 64, op: 'mov', dst: op.dst, src })];
    }),
};
