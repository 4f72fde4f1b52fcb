/** The verifier's promise: no accepted program touches memory that is not its own, or runs longer than its bound. */
import test from 'ava';
import {
  decodeProgram,
  encodeProgram,
  type Host,
  type Instruction,
  loadHost,
  type Operation,
  type Size,
} from '../index.ts';

const ROUNDS = 2000;
const MEMORY_BYTES = 32;

/** Deterministic numbers, so that a failure repeats. */
const numbers = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed >>> 8;
};
type Next = ReturnType<typeof numbers>;

const SIZES = [1, 2, 4, 8] as const;
const LIMITS = [0, 1, 7, 15, 24, 27, 28, 30, 31, 32, 33, -1];
const CHECKS = ['jgt', 'jge', 'jsgt', 'jsge'] as const;
const pick = <T>(next: Next, list: readonly T[]): T => list[next() % list.length]!;
const imm = (value: number) => ({ kind: 'imm', imm: value }) as const;
const reg = (index: number) => ({ kind: 'reg', reg: index }) as const;
const alu = (
  op: 'mov' | 'and' | 'add' | 'sub' | 'rsh' | 'mul' | 'or',
  dst: number,
  src: ReturnType<typeof imm> | ReturnType<typeof reg>,
  width: 32 | 64 = 64,
): Operation => ({ kind: 'alu', width, op, dst, src });

/** A jump to the end of the program; its distance is filled in at last. */
const toEnd = (next: Next, dst: number): Operation => ({
  kind: 'branch',
  width: pick(next, [32, 64]),
  op: pick(next, CHECKS),
  dst,
  src: imm(pick(next, LIMITS)),
  off: 0x7fff,
});

const access = (next: Next, base: number, off: number): Operation => {
  const size: Size = pick(next, SIZES);
  if (next() % 3 === 0)
    return { kind: 'store', size, dst: base, off, src: next() % 2 ? imm(7) : reg(3 + (next() % 3)) };
  if (next() % 6 === 0)
    return {
      kind: 'atomic',
      size: pick(next, [4, 8]),
      op: 'add',
      fetch: next() % 2 === 0,
      dst: base,
      off,
      src: 5,
    };
  return { kind: 'load', size, signed: size < 8 && next() % 4 === 0, dst: 3 + (next() % 4), src: base, off };
};

/** An access whose index was bounded in one of the ways that compilers use — or not enough. */
const bounded = (next: Next): Operation[] => {
  const index = 3 + (next() % 4);
  const width = pick(next, [32, 64] as const);
  const ways: (() => Operation[])[] = [
    () => [alu('and', 8, imm(pick(next, LIMITS)), width)],
    () => [toEnd(next, 8)],
    () => [toEnd(next, 8), toEnd(next, 8)],
    () => [alu('rsh', 8, imm(width - 1 - (next() % 6)), width)],
    () => [alu('and', 8, imm(7), width), alu('mul', 8, imm(1 + (next() % 5)), width)],
    () => [alu('and', 8, imm(15), width), alu('sub', 8, imm(next() % 9), width)],
    () => [toEnd(next, 8), alu('sub', 8, imm(next() % 5)), toEnd(next, 8)],
  ];
  const small =
    next() % 2
      ? [{ kind: 'load', size: 1, signed: false, dst: index, src: 1, off: next() % 32 } as const]
      : [];
  return [
    ...small,
    alu('mov', 8, reg(index), width),
    ...pick(next, ways)(),
    alu('add', 8, reg(1)),
    access(next, 8, (next() % 9) - 2),
  ];
};

const onStack = (next: Next): Operation[] => {
  const off = -(8 * (1 + (next() % 4)));
  return next() % 3 === 0
    ? [access(next, 10, off + (next() % 4 === 0 ? 4 : 0))]
    : [
        { kind: 'store', size: 8, dst: 10, off, src: reg(pick(next, [1, 3, 4, 5])) },
        { kind: 'load', size: pick(next, [4, 8]), signed: false, dst: 3 + (next() % 4), src: 10, off },
      ];
};

const loop = (next: Next): Operation[] => {
  const body = [
    alu('mov', 8, reg(1)),
    alu('add', 8, reg(9)),
    access(next, 8, (next() % 5) - 1),
    alu('add', 6, reg(3)),
  ];
  const step = alu('add', 9, imm(1 + (next() % 5)));
  const off = -(body.length + 2);
  const back: Operation = {
    kind: 'branch',
    width: pick(next, [32, 64]),
    op: pick(next, ['jlt', 'jle', 'jslt', 'jne'] as const),
    dst: 9,
    src: imm(pick(next, LIMITS)),
    off,
  };
  return [alu('mov', 9, imm(next() % 4)), ...body, step, back];
};

const arithmetic = (next: Next): Operation[] => [
  alu(
    pick(next, ['and', 'add', 'sub', 'rsh', 'mul', 'or', 'mov'] as const),
    3 + (next() % 4),
    next() % 2 ? imm(pick(next, LIMITS.slice(1))) : reg(3 + (next() % 4)),
    pick(next, [32, 64]),
  ),
];

const randomProgram = (next: Next): Operation[] => {
  const start: Operation[] = [3, 4, 5, 6].map((dst) =>
    next() % 3
      ? { kind: 'load', size: pick(next, SIZES), signed: false, dst, src: 1, off: 8 * (dst - 3) }
      : alu('mov', dst, imm(pick(next, LIMITS))),
  );
  const statements = Array.from({ length: 1 + (next() % 5) }, () =>
    pick(next, [bounded, bounded, onStack, loop, arithmetic])(next),
  );
  const all = [
    alu('mov', 8, imm(0)),
    alu('mov', 9, imm(0)),
    ...start,
    ...statements.flat(),
    alu('mov', 0, imm(0)),
    { kind: 'exit' } as const,
  ];
  const end = all.length - 2;
  return all.map((o, i) => (o.kind === 'branch' && o.off === 0x7fff ? { ...o, off: end - i - 1 } : o));
};

const addressOf = (o: Instruction, r: BigUint64Array): [bigint, number] | undefined => {
  if (o.kind === 'load') return [BigInt.asUintN(64, r[o.src]! + BigInt(o.off)), o.size];
  if (o.kind === 'store' || o.kind === 'atomic')
    return [BigInt.asUintN(64, r[o.dst]! + BigInt(o.off)), o.size];
  return undefined;
};

type Verdict = 'refused' | 'safe' | `unsafe: ${string}`;

const tryOne = (host: Host, operations: readonly Operation[], memory: Uint8Array): Verdict => {
  const code = encodeProgram(operations);
  const verdict = host.verify({ code, hook: 'run' }, { memorySize: MEMORY_BYTES, stepBudget: 20000 });
  if (!verdict.ok) return 'refused';
  const bySlot = decodeProgram(code);
  let base: bigint | undefined;
  let wrong: string | undefined;
  const observe = (slot: number, r: BigUint64Array) => {
    base ??= r[1]!;
    const [at, size] = addressOf(bySlot[slot]!, r) ?? [base, 0];
    const inside = (from: bigint, bytes: number) => at >= from && at + BigInt(size) <= from + BigInt(bytes);
    if (!inside(base, MEMORY_BYTES) && !inside(r[10]! - 512n, 512))
      wrong ??= `slot ${slot} touches ${at - base}`;
  };
  const run = host.run({ code, hook: 'run' }, { memory, observe, stepLimit: 100_000 });
  if (wrong !== undefined) return `unsafe: ${wrong}`;
  if (!run.ok) return `unsafe: ${run.error.message}`;
  return run.steps <= verdict.bound ? 'safe' : `unsafe: ${run.steps} steps, bound ${verdict.bound}`;
};

test(`no access outside its memory in ${ROUNDS} random programs`, async (t) => {
  const host = await loadHost();
  const next = numbers(23);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const operations = randomProgram(next);
    for (let i = 0; i < 4; i++) {
      const memory = Uint8Array.from(
        { length: MEMORY_BYTES },
        () => [0, 255, 128, 1, next() & 31, next() & 255][next() % 6]!,
      );
      const verdict = tryOne(host, operations, memory);
      if (verdict === 'refused') break;
      if (i === 0) accepted++;
      if (verdict !== 'safe')
        return t.fail(
          `round ${round}: ${verdict}: ${Buffer.from(encodeProgram(operations)).toString('hex')} on ${Buffer.from(memory).toString('hex')}`,
        );
    }
  }
  t.true(accepted > ROUNDS / 20 && accepted < ROUNDS, `${accepted} accepted`);
  t.log(`${accepted} of ${ROUNDS} accepted`);
});
