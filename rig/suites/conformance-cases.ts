/** Programs whose results RFC 9669 fixes, and programs that no verifier may accept. */

type Right = readonly [name: string, text: string, result: bigint, memory?: string];

const ALL = 0xffff_ffff_ffff_ffffn;

/** r1 is the address of the memory, r2 its length. */
export const right: readonly Right[] = [
  ['32-bit results are zero-extended', 'r0 = -1\nw0 += 2\nexit', 1n],
  ['32-bit moves are zero-extended', 'w0 = -1\nexit', 0xffff_ffffn],
  ['immediates are sign-extended', 'r0 = -2\nexit', ALL - 1n],
  ['64-bit immediates', 'r0 = 0x123456789abcdef0 ll\nexit', 0x1234_5678_9abc_def0n],
  ['multiplication wraps', 'r0 = 0x100000001 ll\nr0 *= 7\nexit', 0x7_0000_0007n],
  ['division by zero gives zero', 'r0 = 9\nr1 = 0\nr0 /= r1\nexit', 0n],
  ['remainder by zero leaves the dividend', 'r0 = 9\nr1 = 0\nr0 %= r1\nexit', 9n],
  ['division is unsigned', 'r0 = -1\nr1 = 2\nr0 /= r1\nexit', ALL >> 1n],
  ['signed division truncates', 'r0 = -7\nr1 = 2\nr0 s/= r1\nexit', ALL - 2n],
  ['signed remainder has the sign of the dividend', 'r0 = -7\nr1 = 2\nr0 s%= r1\nexit', ALL],
  ['the smallest number by minus one', 'r0 = 0x8000000000000000 ll\nr1 = -1\nr0 s/= r1\nexit', 1n << 63n],
  ['shift counts are masked', 'r0 = 1\nr1 = 65\nr0 <<= r1\nexit', 2n],
  ['32-bit shift counts are masked', 'r0 = 1\nr1 = 33\nw0 <<= w1\nexit', 2n],
  ['arithmetic shift keeps the sign', 'r0 = -8\nr0 s>>= 1\nexit', ALL - 3n],
  ['32-bit arithmetic shift', 'w0 = -8\nw0 s>>= 1\nexit', 0xffff_fffcn],
  ['negation', 'r0 = 5\nr0 = -r0\nexit', ALL - 4n],
  ['sign-extending moves', 'r1 = 0x80\nr0 = (s8)r1\nexit', ALL - 0x7fn],
  ['byte swap', 'r0 = 0x1234\nr0 = bswap16 r0\nexit', 0x3412n],
  ['to big endian', 'r0 = 0x11223344\nr0 = be32 r0\nexit', 0x4433_2211n],
  ['to little endian cuts', 'r0 = 0x1122334455667788 ll\nr0 = le16 r0\nexit', 0x7788n],
  ['unsigned comparison', 'r0 = 1\nr1 = -1\nif r1 > 5 goto +1\nr0 = 0\nexit', 1n],
  ['signed comparison', 'r0 = 1\nr1 = -1\nif r1 s< 5 goto +1\nr0 = 0\nexit', 1n],
  [
    '32-bit comparison ignores the upper half',
    'r0 = 1\nr1 = 0x100000005 ll\nif w1 == 5 goto +1\nr0 = 0\nexit',
    1n,
  ],
  ['bit test', 'r0 = 1\nr1 = 6\nif r1 & 4 goto +1\nr0 = 0\nexit', 1n],
  [
    'loads of every size',
    'r0 = *(u8 *)(r1 + 0)\nr3 = *(u16 *)(r1 + 2)\nr0 += r3\nr3 = *(u32 *)(r1 + 4)\nr0 += r3\nr3 = *(u64 *)(r1 + 8)\nr0 += r3\nexit',
    0x10n,
    '0100020003000000' + '0a00000000000000',
  ],
  ['sign-extending loads', 'r0 = *(s8 *)(r1 + 0)\nexit', ALL, 'ff'],
  [
    'stores of every size',
    '*(u64 *)(r1 + 0) = 0\n*(u8 *)(r1 + 0) = 1\n*(u16 *)(r1 + 2) = 2\n*(u32 *)(r1 + 4) = 3\nr0 = *(u64 *)(r1 + 0)\nexit',
    0x3_0002_0001n,
    'ffffffffffffffff',
  ],
  ['the stack', '*(u64 *)(r10 - 8) = 77\nr0 = *(u64 *)(r10 - 8)\nexit', 77n],
  [
    'atomic addition',
    'r2 = 5\nlock *(u64 *)(r1 + 0) += r2\nr0 = *(u64 *)(r1 + 0)\nexit',
    7n,
    '0200000000000000',
  ],
  ['a bounded loop', 'r0 = 0\nr1 = 100\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit', 5050n],
];

export const wrong: readonly (readonly [status: string, text: string])[] = [
  ['uninitialised_register', 'r0 = r5\nexit'],
  ['bad_exit_value', 'exit'],
  ['memory_out_of_bounds', 'r0 = *(u8 *)(r1 + 64)\nexit'],
  ['memory_out_of_bounds', 'r0 = *(u8 *)(r1 - 1)\nexit'],
  ['stack_out_of_bounds', '*(u64 *)(r10 - 520) = 0\nr0 = 0\nexit'],
  ['stack_out_of_bounds', '*(u64 *)(r10 + 0) = 0\nr0 = 0\nexit'],
  ['uninitialised_stack', 'r0 = *(u64 *)(r10 - 8)\nexit'],
  ['not_a_pointer', 'r1 = 1234\nr0 = *(u64 *)(r1 + 0)\nexit'],
  ['frame_pointer_write', 'r10 = 0\nr0 = 0\nexit'],
  ['falls_off_end', 'r0 = 0'],
  ['pointer_leak', 'r0 = r1\nexit'],
];
