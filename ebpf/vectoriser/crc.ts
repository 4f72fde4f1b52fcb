/** Recognises loops that compute CRC-32 bit by bit, by their polynomial. What it takes a loop for may be wrong: proposals are judged. */
import type { Code, Node } from '../optimiser/code.ts';
import { firstOf, type Live, MIN_ELEMENTS, outcomeOf, strideOf, usesRegistersOnly } from './elements.ts';
import { atTurn, countOf, type TurningLoop, type Way } from './loop.ts';
import type { Plan } from './plan.ts';
import { type Atom, constant, isConstant, keyOf, minus, type Value } from './value.ts';

/** IEEE 802.3, the lowest bit first. */
const POLYNOMIAL = 0xedb88320n;

const numberIn = ({ op }: Node): bigint | undefined => {
  if (op.kind === 'ld_imm64') return op.form === 'number' ? op.imm : undefined;
  return op.kind === 'alu' && op.src.kind === 'imm' ? BigInt(op.src.imm) : undefined;
};

const isPolynomial = (n: unknown) => typeof n === 'bigint' && BigInt.asUintN(32, n) === POLYNOMIAL;

/** The bytes that turns read, one each. */
const bytesRead = (loop: TurningLoop): Value | undefined => {
  const loads = loop.atoms.all().filter((a): a is Atom & { kind: 'load' } => a.kind === 'load');
  const [one, more] = loads;
  if (!one || more || one.size !== 1 || one.signed) return undefined;
  return firstOf(loop, [one.at], 1);
};

/** The number that takes the checksum's start to what the helper wants: all bits inverted. */
const inverted = (loop: TurningLoop, register: number): Value => {
  const known = loop.entry[register];
  if (typeof known === 'bigint') return constant(BigInt.asIntN(32, ~known));
  return minus(constant(-1), loop.atoms.register(register));
};

export const checksumPlan = (code: Code, loop: TurningLoop, live: Live): Plan | undefined => {
  const isNamed =
    [...loop.body].some((i) => isPolynomial(numberIn(code[i]!))) || loop.entry.some(isPolynomial);
  const count = isNamed ? countOf(loop) : undefined;
  if (count?.counted.length !== 1 || count.found.length > 0) return undefined;
  const { turns, counted } = count;
  const [last] = counted as [Way];
  const [again] = loop.again as [Way];
  const first = bytesRead(loop);
  const isPlain = (v: Value) => usesRegistersOnly(atTurn(loop, v, 0n)) && strideOf(loop, v) !== undefined;
  for (let r = 0; first && r < 10; r++) {
    const after = again.walk.regs[r]!;
    const own = keyOf(loop.atoms.register(r));
    if (!live(loop.head).includes(r) || loop.steps.has(r) || isConstant(after) || isPlain(after)) continue;
    const whole = live(last.to).some((d) => keyOf(last.walk.regs[d]!) === keyOf(after));
    const wanted = whole ? keyOf(after) : own;
    const n = whole ? turns : turns - 1;
    const otherwise = outcomeOf(loop, counted, live(last.to), turns - 1, (d, [way]) =>
      keyOf(way!.walk.regs[d]!) === wanted ? { kind: 'inverted' } : undefined,
    );
    const isResult = otherwise && [...otherwise.results.values()].some((o) => o.kind === 'inverted');
    if (!otherwise || !isResult || n < MIN_ELEMENTS / 2) continue;
    const call = { helper: 'vl_crc32', args: [first, constant(n), inverted(loop, r)] };
    return { head: loop.head, body: loop.body, calls: [call], otherwise };
  }
  return undefined;
};
