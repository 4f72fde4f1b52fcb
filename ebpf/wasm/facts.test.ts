/** What the verifier says of each slot must hold in each run of an accepted program: the JIT relies on it. */
import test from 'ava';
import {
  decodeProgram,
  encodeProgram,
  FACT,
  type Host,
  type Instruction,
  loadHost,
  type Operation,
} from '../index.ts';
import { Random } from '../random.ts';

const ROUNDS = 3000;

const ALU = [
  'add',
  'sub',
  'mul',
  'div',
  'sdiv',
  'or',
  'and',
  'lsh',
  'rsh',
  'arsh',
  'mod',
  'smod',
  'xor',
  'mov',
] as const;
const BRANCH = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jset', 'jsgt', 'jsge', 'jslt', 'jsle'] as const;
const IMMEDIATES = [0, 1, -1, 2, 7, 31, 32, 63, 255, 256, 0x7fffffff, -0x80000000, 0x12345678];

/** Numbers from memory in r3..r5, then arithmetic and forward branches on r0, r3..r9. */
const randomProgram = (random: Random): Operation[] => {
  const pick = <T>(list: readonly T[]): T => random.pick(list);
  const register = () => pick([0, 3, 4, 5, 6, 7]);
  const width = () => pick([32, 64] as const);
  const operand = () =>
    random.below(2)
      ? ({ kind: 'reg', reg: register() } as const)
      : ({ kind: 'imm', imm: pick(IMMEDIATES) } as const);
  const shiftSafe = (op: string, o: { kind: string; imm?: number }, bits: number) =>
    /sh$/.test(op) && o.kind === 'imm' ? ({ kind: 'imm', imm: (o.imm ?? 0) & (bits - 1) } as const) : o;
  const nonzero = (op: string, o: { kind: string; imm?: number }) =>
    /div|mod/.test(op) && o.kind === 'imm' && o.imm === 0 ? ({ kind: 'imm', imm: 3 } as const) : o;
  const body = 4 + random.below(24);
  const load = (size: 1 | 2 | 4 | 8, dst: number, off: number): Operation => ({
    kind: 'load',
    size,
    signed: false,
    dst,
    src: 1,
    off,
  });
  const out: Operation[] = [
    load(pick([1, 2, 4, 8] as const), 3, 0),
    load(pick([1, 2, 4, 8] as const), 4, 8),
    load(pick([1, 2, 4, 8] as const), 5, 16),
    ...[0, 6, 7].map(
      (dst): Operation => ({
        kind: 'alu',
        width: 64,
        op: 'mov',
        dst,
        src: { kind: 'imm', imm: pick(IMMEDIATES) },
      }),
    ),
  ];
  for (let i = 0; i < body; i++) {
    const kind = random.below(8);
    const left = body - i - 1;
    const bits = width();
    if (kind < 5) {
      const op = pick(ALU);
      const src = shiftSafe(op, nonzero(op, operand()), bits) as ReturnType<typeof operand>;
      out.push({ kind: 'alu', width: bits, op, dst: register(), src });
    } else if (kind === 5) out.push({ kind: 'neg', width: bits, dst: register() });
    else if (kind === 6)
      out.push({
        kind: 'movsx',
        width: bits,
        bits: pick([8, 16] as const),
        dst: register(),
        src: register(),
      });
    else
      out.push({
        kind: 'branch',
        width: bits,
        op: pick(BRANCH),
        dst: register(),
        src: operand(),
        off: left === 0 ? 0 : random.below(left),
      });
  }
  return [...out, { kind: 'exit' }];
};

const upperZero = (value: bigint) => value >> 32n === 0n;

/** Whether the facts hold for these registers; the sentence that is wrong otherwise. */
const broken = (o: Instruction, flags: number, r: BigUint64Array): string | undefined => {
  if (!(flags & FACT.reached)) return 'not reached';
  if ('dst' in o && flags & FACT.dstUpperZero && !upperZero(r[o.dst]!)) return 'upper half of dst';
  const src = 'src' in o && typeof o.src === 'object' && o.src?.kind === 'reg' ? o.src.reg : undefined;
  if (src === undefined) return undefined;
  if (flags & FACT.srcUpperZero && !upperZero(r[src]!)) return 'upper half of src';
  const value = 'width' in o && o.width === 32 ? BigInt.asUintN(32, r[src]!) : r[src]!;
  return flags & FACT.srcNonzero && value === 0n ? 'src is zero' : undefined;
};

const wrongBranch = (before: Instruction, flags: number, slot: number): string | undefined => {
  if (before.kind !== 'branch' || before.off === 0) return undefined;
  const taken = slot !== before.slot + 1;
  if (flags & FACT.alwaysTaken && !taken) return 'always taken';
  return flags & FACT.neverTaken && taken ? 'never taken' : undefined;
};

const check = (host: Host, code: Uint8Array, flags: Uint8Array, memory: Uint8Array): string | undefined => {
  const bySlot = new Map(decodeProgram(code).map((o) => [o.slot, o]));
  let wrong: string | undefined;
  let before: Instruction | undefined;
  const observe = (slot: number, registers: BigUint64Array) => {
    const o = bySlot.get(slot)!;
    wrong ??=
      broken(o, flags[slot]!, registers) ?? (before && wrongBranch(before, flags[before.slot]!, slot));
    before = o;
  };
  const run = host.run({ code, hook: 'run' }, { memory, observe });
  return wrong ?? (run.ok ? undefined : run.error.message);
};

test(`facts hold in runs of ${ROUNDS} random programs`, async (t) => {
  const host = await loadHost();
  const random = new Random(17);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const code = encodeProgram(randomProgram(random));
    const verdict = host.verify({ code, hook: 'run' }, { memorySize: 24 });
    if (!verdict.ok) {
      t.true(
        verdict.error.code === 'unreachable_instruction',
        `${verdict.error.code} ${verdict.error.message}`,
      );
      continue;
    }
    accepted++;
    for (let i = 0; i < 4; i++) {
      const memory = Uint8Array.from(
        { length: 24 },
        () => [0, 255, 128, 1, random.below(256)][random.below(5)]!,
      );
      const wrong = check(host, code, verdict.facts.flags, memory);
      if (wrong)
        return t.fail(
          `round ${round}: ${wrong}: ${Buffer.from(code).toString('hex')} on ${Buffer.from(memory).toString('hex')}`,
        );
    }
  }
  t.true(accepted > ROUNDS / 4, `only ${accepted} accepted`);
});
