/** Loops over buffers, and what does eight bytes a turn in their place: as C for clang, and as lines of the assembler. */

/** Lines of an answer, `$name` standing for a register that is free; `X`, `Y`, `Z` for places, `ACC` for the number of the accumulator. */
export type LaneText = { readonly before: string; readonly turn: string; readonly after?: string };

export type LoopFamily = {
  readonly name: string;
  /** Bytes of an element, and whether it is signed. */
  readonly elements: readonly (1 | 2 | 4)[];
  readonly isSigned?: boolean;
  /** Reads the element before, too: Y is where that lies. */
  readonly isNeighbour?: true;
  /** C of one turn over x, y, z and the accumulator n, which starts as `start`. */
  readonly c: (k: number) => string;
  readonly start?: string;
  readonly k?: (size: number, below: (n: number) => number) => number;
  readonly lanes: (size: number, k: number) => LaneText;
};

const ones = (size: number) => ((1n << 64n) - 1n) / ((1n << BigInt(size * 8)) - 1n);
const hex = (value: bigint) => `0x${value.toString(16)}`;
const high = (size: number) => ones(size) << BigInt(size * 8 - 1);
const one = (size: number) => `$one = ${hex(ones(size))} ll\n`;
const low = (size: number) => `$low = ${hex(high(size) - ones(size))} ll\n`;
const spread = (k: number) => `$k = $one\n$k *= ${k}\n`;

const loadX = '$t = *(u64 *)(X)\n';
const loadY = '$u = *(u64 *)(Y)\n';

/** Bit `bit` of each lane of $t, added up. */
const counted = (size: number, bit: number) =>
  `${bit > 0 ? `$t >>= ${bit}\n` : ''}$t &= $one\n$t *= $one\n$t >>= ${64 - size * 8}\nACC += $t\n`;

/** The highest bit of each lane of $t: whether the lane was not zero. */
const nonzero = '$u = $t\n$u &= $low\n$u += $low\n$t |= $u\n';

const any = (size: number, below: (n: number) => number) => below(size === 1 ? 256 : 0x7fff);

const count = (
  name: string,
  more: Omit<LoopFamily, 'name' | 'elements'> & { elements?: LoopFamily['elements'] },
) => ({
  name,
  elements: more.elements ?? ([1, 2, 4] as const),
  ...more,
});

const counting: readonly LoopFamily[] = [
  count('count-equal-to-number', {
    k: any,
    c: (k) => `if (x == ${k}) n++;`,
    lanes: (s, k) => ({
      before: one(s) + low(s) + (k === 0 ? '' : spread(k)),
      turn: `${loadX}${k === 0 ? '' : '$t ^= $k\n'}${nonzero}$t ^= -1\n${counted(s, s * 8 - 1)}`,
    }),
  }),
  count('count-equal', {
    c: () => 'if (x == y) n++;',
    lanes: (s) => ({
      before: one(s) + low(s),
      turn: `${loadX}${loadY}$t ^= $u\n${nonzero}$t ^= -1\n${counted(s, s * 8 - 1)}`,
    }),
  }),
  count('count-bit', {
    k: (s, below) => below(s * 8 - 1),
    c: (k) => `if (x & ${2 ** k}) n++;`,
    lanes: (s, k) => ({ before: one(s), turn: loadX + counted(s, k) }),
  }),
  count('sum-of-bit', {
    k: (s, below) => below(s * 8),
    c: (k) => `n += x >> ${k} & 1;`,
    lanes: (s, k) => ({ before: one(s), turn: loadX + counted(s, k) }),
  }),
  count('count-negative', {
    isSigned: true,
    c: () => 'if (x < 0) n++;',
    lanes: (s) => ({ before: one(s), turn: loadX + counted(s, s * 8 - 1) }),
  }),
  count('count-signs-differ', {
    isSigned: true,
    c: () => 'if ((x ^ y) < 0) n++;',
    lanes: (s) => ({ before: one(s), turn: `${loadX}${loadY}$t ^= $u\n${counted(s, s * 8 - 1)}` }),
  }),
  count('count-both-negative', {
    isSigned: true,
    c: () => 'if ((x & y) < 0) n++;',
    lanes: (s) => ({ before: one(s), turn: `${loadX}${loadY}$t &= $u\n${counted(s, s * 8 - 1)}` }),
  }),
  count('count-signs-alike', {
    isSigned: true,
    c: () => 'if ((x ^ y) >= 0) n++;',
    lanes: (s) => ({
      before: one(s),
      turn: `${loadX}${loadY}$t ^= $u\n$t ^= -1\n${counted(s, s * 8 - 1)}`,
    }),
  }),
  count('count-first-negative', {
    isSigned: true,
    c: () => 'if (x < 0 && y >= 0) n++;',
    lanes: (s) => ({
      before: one(s),
      turn: `${loadX}${loadY}$u ^= -1\n$t &= $u\n${counted(s, s * 8 - 1)}`,
    }),
  }),
  count('count-different', {
    c: () => 'if (x != y) n++;',
    lanes: (s) => ({
      before: one(s) + low(s),
      turn: `${loadX}${loadY}$t ^= $u\n${nonzero}${counted(s, s * 8 - 1)}`,
    }),
  }),
  count('count-bit-differs', {
    k: (s, below) => below(s * 8 - 1),
    c: (k) => `if ((x ^ y) & ${2 ** k}) n++;`,
    lanes: (s, k) => ({ before: one(s), turn: `${loadX}${loadY}$t ^= $u\n${counted(s, k)}` }),
  }),
];

const symbols = { xor: '^', or: '|', and: '&' } as const;
type Op = keyof typeof symbols;

const folded = (op: Op, s: number) => {
  const sizes = [32, 16, 8].filter((bits) => bits >= s * 8);
  const steps = sizes.map((bits) => `$t = $v\n$t >>= ${bits}\n$v ${symbols[op]}= $t\n`).join('');
  return `${steps}${s < 4 ? `$v &= ${s === 1 ? 0xff : 0xffff}\n` : '$w = $v\n'}ACC ${symbols[op]}= $v\n`.replace(
    '$w = $v\n',
    '',
  );
};

const fold = (op: Op, inner: Op | undefined): LoopFamily => ({
  name: `${op}-of-${inner ?? 'all'}`,
  elements: [1, 2, 4],
  start: op === 'and' ? '~0' : '0',
  c: () => (inner ? `n ${symbols[op]}= x ${symbols[inner]} y;` : `n ${symbols[op]}= x;`),
  lanes: (s) => ({
    before: `$v = ${op === 'and' ? -1 : 0}\n`,
    turn: `${loadX}${inner ? `${loadY}$t ${symbols[inner]}= $u\n` : ''}$v ${symbols[op]}= $t\n`,
    after: folded(op, s),
  }),
});

const mapped = (
  name: string,
  c: LoopFamily['c'],
  lanes: LoopFamily['lanes'],
  k?: LoopFamily['k'],
): LoopFamily => ({
  name,
  elements: [1, 2, 4],
  c,
  lanes,
  ...(k ? { k } : {}),
});

const stored = '*(u64 *)(Z) = $t\n';

const maps: readonly LoopFamily[] = [
  ...(['xor', 'or', 'and'] as const).flatMap((op) => [
    mapped(
      `map-${op}-number`,
      (k) => `z = x ${symbols[op]} ${k};`,
      (s, k) => ({ before: one(s) + spread(k), turn: `${loadX}$t ${symbols[op]}= $k\n${stored}` }),
      (s, below) => 1 + any(s, (n) => below(n - 1)),
    ),
    mapped(
      `map-${op}`,
      () => `z = x ${symbols[op]} y;`,
      () => ({ before: '', turn: `${loadX}${loadY}$t ${symbols[op]}= $u\n${stored}` }),
    ),
  ]),
  mapped(
    'map-not',
    () => 'z = ~x;',
    () => ({ before: '', turn: `${loadX}$t ^= -1\n${stored}` }),
  ),
  mapped(
    'map-add-number',
    (k) => `z = x + ${k};`,
    (s, k) => ({
      before: one(s) + low(s) + spread(k),
      turn:
        `${loadX}$u = $t\n$u &= $low\n$u += $k\n$t ^= $u\n$t &= $low\n$t ^= $u\n`.replace(
          '$t ^= $u\n$t &= $low\n$t ^= $u\n',
          '$t |= $low\n$t ^= $low\n$t ^= $u\n',
        ) + stored,
    }),
    (s, below) => 1 + below(s === 1 ? 126 : 0x7ffe),
  ),
  mapped(
    'map-add',
    () => 'z = x + y;',
    (s) => ({
      before: low(s),
      turn: `${loadX}${loadY}$p = $t\n$p ^= $u\n$t &= $low\n$u &= $low\n$t += $u\n$p |= $low\n$p ^= $low\n$t ^= $p\n${stored}`,
    }),
  ),
  mapped(
    'map-average',
    () => 'z = (x + y) >> 1;',
    (s) => ({
      before: low(s),
      turn: `${loadX}${loadY}$p = $t\n$p &= $u\n$t ^= $u\n$t >>= 1\n$t &= $low\n$t += $p\n${stored}`,
    }),
  ),
];

const all: readonly LoopFamily[] = [
  ...counting,
  ...(['xor', 'or', 'and'] as const).flatMap((op) => [
    fold(op, undefined),
    ...(['xor', 'or', 'and'] as const).filter((i) => i !== op).map((i) => fold(op, i)),
  ]),
  ...maps,
];

/** The same with each element and the one before it, in place of two buffers. */
const alone = all.filter((f) => /\by\b/.test(f.c(1)));
const neighbours = alone.map((f): LoopFamily => ({ ...f, name: `${f.name}-before`, isNeighbour: true }));

/** Whole families that training never sees. */
const HELD: ReadonlySet<string> = new Set(['count-bit-differs', 'and-of-xor', 'map-average', 'map-or']);
const isHeld = ({ name }: LoopFamily) => HELD.has(name.replace(/-before$/, ''));

export const loopFamilies: readonly LoopFamily[] = [...all, ...neighbours];
export const trainedLoops = loopFamilies.filter((f) => !isHeld(f));
export const unseenLoops = loopFamilies.filter(isHeld);
