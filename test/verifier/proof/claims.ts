/** What each operator must not lose: the meaning of eBPF (RFC 9669 §4) and of abstract numbers, as SMT-LIB. */
import { literal, type Memory, type Script, type Word } from './symbolic.ts';

/** struct scalar, by byte. */
const FIELDS = { value: 0, mask: 8, umin: 16, umax: 24, smin: 32, smax: 40 } as const;
const HALVES = { umin32: 48, umax32: 52, smin32: 56, smax32: 60 } as const;
export const SCALAR_BYTES = 64;
/** struct operands. */
export const PLACES = { a: 0, b: SCALAR_BYTES, result: 2 * SCALAR_BYTES, k: 2 * SCALAR_BYTES + 8 } as const;
export const OPERANDS_BYTES = 2 * SCALAR_BYTES + 16;

export const low = (word: Word) => `((_ extract 31 0) ${word})`;
const wordAt = (m: Memory, at: number, base = 'm') =>
  `(concat ${m.get(`${base}:${at + 4}`)} ${m.get(`${base}:${at}`)})`;
export const wordOf = (m: Memory, at: number) => wordAt(m, at);

/** The number x is one of those that the scalar there stands for: what each of its parts says. */
export const contains = (m: Memory, at: number, x: Word, base = 'm'): string[] => {
  const field = (name: keyof typeof FIELDS) => wordAt(m, at + FIELDS[name], base);
  const half = (name: keyof typeof HALVES) => m.get(`${base}:${at + HALVES[name]}`)!;
  return [
    `(= (bvand ${x} (bvnot ${field('mask')})) ${field('value')})`,
    `(bvuge ${x} ${field('umin')})`,
    `(bvule ${x} ${field('umax')})`,
    `(bvsge ${x} ${field('smin')})`,
    `(bvsle ${x} ${field('smax')})`,
    `(bvuge ${low(x)} ${half('umin32')})`,
    `(bvule ${low(x)} ${half('umax32')})`,
    `(bvsge ${low(x)} ${half('smin32')})`,
    `(bvsle ${low(x)} ${half('smax32')})`,
  ];
};

/** Known bits bound the range: what domain_sync establishes and the operators on small numbers rely on. */
export const bounded = (m: Memory, at: number, base = 'm'): string[] => {
  const field = (name: keyof typeof FIELDS) => wordAt(m, at + FIELDS[name], base);
  return [
    `(bvuge ${field('umin')} ${field('value')})`,
    `(bvule ${field('umax')} (bvor ${field('value')} ${field('mask')}))`,
  ];
};

const ring: Readonly<Record<string, string>> = {
  add: 'bvadd',
  sub: 'bvsub',
  or: 'bvor',
  and: 'bvand',
  xor: 'bvxor',
};
const shifts: Readonly<Record<string, string>> = { lsh: 'bvshl', rsh: 'bvlshr', arsh: 'bvashr' };

/** x <op> y in 64 bits, or in the low 32, zero-extended. */
export const meaningOf = (op: string, wide: boolean, x: Word, y: Word): string => {
  const [a, b, zero, last] = wide
    ? [x, y, literal(0n), literal(63n)]
    : [low(x), low(y), '#x00000000', '#x0000001f'];
  const put = (body: string) => (wide ? body : `(concat #x00000000 ${body})`);
  if (ring[op]) return put(`(${ring[op]} ${a} ${b})`);
  if (shifts[op]) return put(`(${shifts[op]} ${a} (bvand ${b} ${last}))`);
  if (op === 'div') return put(`(ite (= ${b} ${zero}) ${zero} (bvudiv ${a} ${b}))`);
  return put(`(ite (= ${b} ${zero}) ${a} (bvurem ${a} ${b}))`);
};

const relations: Readonly<Record<string, string>> = {
  jgt: 'bvugt',
  jge: 'bvuge',
  jlt: 'bvult',
  jle: 'bvule',
  jsgt: 'bvsgt',
  jsge: 'bvsge',
  jslt: 'bvslt',
  jsle: 'bvsle',
};

/** Whether x <op> y holds. */
export const holds = (op: string, wide: boolean, x: Word, y: Word): string => {
  const [a, b, zero] = wide ? [x, y, literal(0n)] : [low(x), low(y), '#x00000000'];
  if (op === 'jeq') return `(= ${a} ${b})`;
  if (op === 'jne') return `(not (= ${a} ${b}))`;
  if (op === 'jset') return `(not (= (bvand ${a} ${b}) ${zero}))`;
  if (op === 'jnset') return `(= (bvand ${a} ${b}) ${zero})`;
  return `(${relations[op]} ${a} ${b})`;
};

export type Setting = {
  readonly script: Script;
  readonly before: Memory;
  readonly after: Memory;
  /** Any number of a, any number of b. */
  readonly x: Word;
  readonly y: Word;
};

const NEVER = literal(0n);
const ALWAYS = literal(2n);
const SMALL = literal(0x7fff_ffffn);

const extended = (x: Word, bits: number, sign: boolean) =>
  `((_ ${sign ? 'sign_extend' : 'zero_extend'} ${64 - bits}) ((_ extract ${bits - 1} 0) ${x}))`;

/** What a claim takes for granted, the number whose loss would refute it, and what must hold of it. */
export type Claim = {
  readonly given?: (s: Setting) => string;
  /** Numbers that the scalars at a and b stand for where the operator calls domain_sync. */
  readonly kept: (s: Setting) => readonly string[];
  readonly shown: (s: Setting, kept: readonly Word[]) => readonly string[];
};

const keeps = (meaning: (s: Setting) => string): Claim => ({
  kept: (s) => [meaning(s)],
  shown: (s, [z]) => contains(s.after, PLACES.a, z!),
});

const answered = (s: Setting) => `(not (= ${wordOf(s.after, PLACES.result)} ${literal(0n)}))`;
const result = (s: Setting) => wordOf(s.after, PLACES.result);
const k = (s: Setting) => wordOf(s.before, PLACES.k);
const isSmallNumber = (s: Setting) => {
  const at = (field: number) => wordOf(s.before, PLACES.a + field);
  return `(bvule (bvor ${at(FIELDS.value)} ${at(FIELDS.mask)}) ${SMALL})`;
};
const isSmall = (s: Setting) => `(and ${isSmallNumber(s)} (bvule ${k(s)} ${SMALL}))`;

const certain = (held: (s: Setting) => string, given?: (s: Setting) => string): Claim => ({
  ...(given ? { given } : {}),
  kept: () => [],
  shown: (s) => [
    `(=> (= ${result(s)} ${ALWAYS}) ${held(s)})`,
    `(=> (= ${result(s)} ${NEVER}) (not ${held(s)}))`,
  ],
});

const comparison = (op: string): [string, Claim][] => [
  ...([64, 32] as const).flatMap((bits): [string, Claim][] => {
    const held = (s: Setting) => holds(op, bits === 64, s.x, s.y);
    return [
      [`compare${bits}_${op}`, certain(held)],
      [
        `assume${bits}_${op}`,
        {
          given: held,
          kept: (s) => [s.x, s.y],
          shown: (s) => [
            answered(s),
            ...contains(s.after, PLACES.a, s.x),
            ...contains(s.after, PLACES.b, s.y),
          ],
        },
      ],
    ];
  }),
  [`small_compare_${op}`, certain((s) => holds(op, true, s.x, k(s)), isSmall)],
  [
    `small_assume_${op}`,
    {
      given: (s) => `(and ${isSmall(s)} ${holds(op, true, s.x, k(s))})`,
      kept: () => [],
      shown: (s) => [answered(s), ...contains(s.after, PLACES.a, s.x), ...bounded(s.after, PLACES.a)],
    },
  ],
];

const arithmetic = (op: string): [string, Claim][] => [
  [`full_${op}`, keeps((s) => meaningOf(op, true, s.x, s.y))],
  [`half_${op}`, keeps((s) => meaningOf(op, false, s.x, s.y))],
];

const small = (op: string): [string, Claim] => [
  `small_${op}`,
  {
    kept: () => [],
    shown: (s) => {
      const wide = s.script.word(meaningOf(op, true, s.x, s.y));
      const same = `(= ${wide} ${meaningOf(op, false, s.x, s.y)})`;
      return [...contains(s.after, PLACES.a, wide), ...bounded(s.after, PLACES.a), same].map(
        (part) => `(=> ${answered(s)} ${part})`,
      );
    },
  },
];

const keepsX = (more: Partial<Pick<Claim, 'given'>>, also: (s: Setting) => readonly string[]): Claim => ({
  ...more,
  kept: () => [],
  shown: (s) => [...contains(s.after, PLACES.a, s.x), ...also(s)],
});

/** domain_sync by what it is made of: each part keeps the number, so all in their order do. */
const syncParts: readonly [string, Claim][] = [
  [
    'sync_const',
    keepsX({ given: (s) => `(= ${wordOf(s.before, PLACES.a + FIELDS.mask)} ${literal(0n)})` }, (s) =>
      bounded(s.after, PLACES.a),
    ),
  ],
  ['sync_small', keepsX({ given: isSmallNumber }, (s) => [answered(s), ...bounded(s.after, PLACES.a)])],
  ['sync_bits_full', keepsX({}, (s) => bounded(s.after, PLACES.a))],
  ['sync_bits_half', keepsX({}, () => [])],
  ['sync_crossed_full', keepsX({}, () => [])],
  ['sync_crossed_half', keepsX({}, () => [])],
  ['sync_side_full', keepsX({}, () => [])],
  ['sync_side_half', keepsX({}, () => [])],
  ['sync_half_from_full', keepsX({}, () => [])],
  ['sync_full_from_half', keepsX({}, () => [])],
  ['sync_range_full', keepsX({}, (s) => [answered(s)])],
  ['sync_range_half', keepsX({}, (s) => [answered(s)])],
];

const OPERATIONS = [...Object.keys(ring), ...Object.keys(shifts)];
const COMPARISONS = ['jeq', 'jne', ...Object.keys(relations), 'jset', 'jnset'];

/** By name of the function in operators.c. */
export const claims: ReadonlyMap<string, Claim> = new Map<string, Claim>([
  [
    'sync',
    {
      kept: () => [],
      shown: (s) => [answered(s), ...contains(s.after, PLACES.a, s.x), ...bounded(s.after, PLACES.a)],
    },
  ],
  ...syncParts,
  ['zero_extend', keeps((s) => extended(s.x, 32, false))],
  ...[8, 16, 32].flatMap((bits): [string, Claim][] => [
    [`sign_extend_${bits}`, keeps((s) => extended(s.x, bits, true))],
    [`truncate_${bits}`, keeps((s) => extended(s.x, bits, false))],
  ]),
  ...COMPARISONS.flatMap(comparison),
  ...OPERATIONS.flatMap(arithmetic),
  ...OPERATIONS.map(small),
  ...['div', 'mod'].flatMap(arithmetic),
]);
