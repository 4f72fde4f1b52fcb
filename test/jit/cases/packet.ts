/** Legacy packet loads, RFC 9669 §5.6: programs for hook packet whose result is a verdict, so that boards tell it. */
import { verdicts } from '../../../abi/index.ts';
import { assemble } from '../../../ebpf/index.ts';

type PacketCase = {
  readonly name: string;
  /** r1 is the context. */
  readonly code: Uint8Array;
  readonly frame: Uint8Array;
  readonly verdict: number;
};

const FRAME_BYTES = 64;
/** No two bytes are the same, and every second one has its upper bit set. */
const frame = Uint8Array.from({ length: FRAME_BYTES }, (_, i) => (i * 151 + 17) & 255);

const SIZES = [1, 2, 4] as const;
/** What to add to the index, and the index: RFC 9669 knows 32 bits of the sum. */
const INDEXES = [
  [0, 0n],
  [12, 3n],
  [-7, 9n],
  [16, -8n],
  [1, 0x1_0000_0002n],
] as const;

const bigEndian = (at: number, size: number) =>
  frame.slice(at, at + size).reduce((value, byte) => value * 256n + BigInt(byte), 0n);

const check = (load: string, want: bigint) => [
  load,
  `r1 = 0x${want.toString(16)} ll`,
  'if r0 != r1 goto wrong',
];

const loads = (size: number): string[] => [
  ...[0, 1, 6, FRAME_BYTES - size].flatMap((at) =>
    check(`r0 = *(u${8 * size} *)skb[${at}]`, bigEndian(at, size)),
  ),
  ...INDEXES.flatMap(([imm, index]) => [
    `r7 = 0x${BigInt.asUintN(64, index).toString(16)} ll`,
    ...check(
      `r0 = *(u${8 * size} *)skb[r7 + ${imm}]`,
      bigEndian(Number(BigInt.asUintN(32, index + BigInt(imm))), size),
    ),
  ]),
];

const passing = (...lines: string[]) =>
  assemble(['r6 = r1', ...lines, `r0 = ${verdicts.pass}`, 'exit'].join('\n'));

const inside = (size: number): PacketCase => ({
  name: `${size} bytes at a time, most significant first`,
  code: assemble(
    ['r6 = r1', ...loads(size), `r0 = ${verdicts.pass}`, 'exit', `wrong: r0 = ${verdicts.drop}`, 'exit'].join(
      '\n',
    ),
  ),
  frame,
  verdict: verdicts.pass,
});

const outside = (name: string, ...lines: string[]): PacketCase => ({
  name: `${name} ends the program with 0`,
  code: passing(...lines),
  frame,
  verdict: verdicts.aborted,
});

export const packetCases = (): PacketCase[] => [
  ...SIZES.map(inside),
  ...SIZES.map((size) =>
    outside(`${size} bytes, one too far,`, `r0 = *(u${8 * size} *)skb[${FRAME_BYTES - size + 1}]`),
  ),
  ...SIZES.map((size) =>
    outside(
      `${size} bytes by an index, one too far,`,
      `r7 = ${FRAME_BYTES - size}`,
      `r0 = *(u${8 * size} *)skb[r7 + 1]`,
    ),
  ),
  outside('a negative place', 'r0 = *(u8 *)skb[-1]'),
  outside('a negative sum', 'r7 = -2', 'r0 = *(u8 *)skb[r7 + 1]'),
  outside('the last place that there could be', 'r7 = -1 ll', 'r0 = *(u32 *)skb[r7 + 0]'),
];
