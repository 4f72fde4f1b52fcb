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
import { Random } from '../random.ts';

const ROUNDS = 2000;
const MEMORY_BYTES = 32;

const SIZES = [1, 2, 4, 8] as const;
const LIMITS = [0, 1, 7, 15, 24, 27, 28, 30, 31, 32, 33, -1];
const CHECKS = ['jgt', 'jge', 'jsgt', 'jsge'] as const;
const imm = (value: number) => ({ kind: 'imm', imm: value }) as const;
const reg = (index: number) => ({ kind: 'reg', reg: index }) as const;
const alu = (
  op: 'mov' | 'and' | 'add' | 'sub' | 'rsh' | 'mul' | 'or',
  dst: number,
  src: ReturnType<typeof imm> | ReturnType<typeof reg>,
  width: 32 | 64 = 64,
): Operation => ({ kind: 'alu', width, op, dst, src });

/** A jump to the end of the program; its distance is filled in at last. */
const toEnd = (random: Random, dst: number): Operation => ({
  kind: 'branch',
  width: random.pick([32, 64]),
  op: random.pick(CHECKS),
  dst,
  src: imm(random.pick(LIMITS)),
  off: 0x7fff,
});

const access = (random: Random, base: number, off: number): Operation => {
  const size: Size = random.pick(SIZES);
  if (random.once(3))
    return { kind: 'store', size, dst: base, off, src: random.once(2) ? imm(7) : reg(3 + random.below(3)) };
  if (random.once(6))
    return {
      kind: 'atomic',
      size: random.pick([4, 8]),
      op: 'add',
      fetch: random.once(2),
      dst: base,
      off,
      src: 5,
    };
  return { kind: 'load', size, signed: size < 8 && random.once(4), dst: 3 + random.below(4), src: base, off };
};

/** An access whose index was bounded in one of the ways that compilers use — or not enough. */
const bounded = (random: Random): Operation[] => {
  const index = 3 + random.below(4);
  const width = random.pick([32, 64] as const);
  const ways: (() => Operation[])[] = [
    () => [alu('and', 8, imm(random.pick(LIMITS)), width)],
    () => [toEnd(random, 8)],
    () => [toEnd(random, 8), toEnd(random, 8)],
    () => [alu('rsh', 8, imm(width - 1 - random.below(6)), width)],
    () => [alu('and', 8, imm(7), width), alu('mul', 8, imm(1 + random.below(5)), width)],
    () => [alu('and', 8, imm(15), width), alu('sub', 8, imm(random.below(9)), width)],
    () => [toEnd(random, 8), alu('sub', 8, imm(random.below(5))), toEnd(random, 8)],
  ];
  const small = random.once(2)
    ? [{ kind: 'load', size: 1, signed: false, dst: index, src: 1, off: random.below(32) } as const]
    : [];
  return [
    ...small,
    alu('mov', 8, reg(index), width),
    ...random.pick(ways)(),
    alu('add', 8, reg(1)),
    access(random, 8, random.below(9) - 2),
  ];
};

const onStack = (random: Random): Operation[] => {
  const off = -(8 * (1 + random.below(4)));
  return random.once(3)
    ? [access(random, 10, off + (random.once(4) ? 4 : 0))]
    : [
        { kind: 'store', size: 8, dst: 10, off, src: reg(random.pick([1, 3, 4, 5])) },
        { kind: 'load', size: random.pick([4, 8]), signed: false, dst: 3 + random.below(4), src: 10, off },
      ];
};

const loop = (random: Random): Operation[] => {
  const body = [
    alu('mov', 8, reg(1)),
    alu('add', 8, reg(9)),
    access(random, 8, random.below(5) - 1),
    alu('add', 6, reg(3)),
  ];
  const step = alu('add', 9, imm(1 + random.below(5)));
  const off = -(body.length + 2);
  const back: Operation = {
    kind: 'branch',
    width: random.pick([32, 64]),
    op: random.pick(['jlt', 'jle', 'jslt', 'jne'] as const),
    dst: 9,
    src: imm(random.pick(LIMITS)),
    off,
  };
  return [alu('mov', 9, imm(random.below(4))), ...body, step, back];
};

const arithmetic = (random: Random): Operation[] => [
  alu(
    random.pick(['and', 'add', 'sub', 'rsh', 'mul', 'or', 'mov'] as const),
    3 + random.below(4),
    random.once(2) ? imm(random.pick(LIMITS.slice(1))) : reg(3 + random.below(4)),
    random.pick([32, 64]),
  ),
];

const randomProgram = (random: Random): Operation[] => {
  const start: Operation[] = [3, 4, 5, 6].map((dst) =>
    random.below(3)
      ? { kind: 'load', size: random.pick(SIZES), signed: false, dst, src: 1, off: 8 * (dst - 3) }
      : alu('mov', dst, imm(random.pick(LIMITS))),
  );
  const statements = Array.from({ length: 1 + random.below(5) }, () =>
    random.pick([bounded, bounded, onStack, loop, arithmetic])(random),
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
  const random = new Random(23);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const operations = randomProgram(random);
    for (let i = 0; i < 4; i++) {
      const memory = Uint8Array.from(
        { length: MEMORY_BYTES },
        () => [0, 255, 128, 1, random.below(32), random.below(256)][random.below(6)]!,
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
