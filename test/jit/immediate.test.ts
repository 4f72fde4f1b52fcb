/** The constructors of A64 immediates against the manual's definitions, on every value near an edge. */
import test from 'ava';
import { compileNative, hasTool, runNative } from './native.ts';

const SOURCE = `
#include "bpf/jit/immediate.h"
#include <inttypes.h>
#include <stdio.h>
#define ROW(call, out) fits = call, bits = out.bits
int main(void) {
    uint32_t kind;
    uint64_t v;
    while (scanf("%" SCNu32 " %" SCNx64, &kind, &v) == 2) {
        struct a64_mask mask; struct a64_arith arith; struct a64_unscaled unscaled; struct a64_scaled scaled;
        struct a64_right right; struct a64_paired paired; struct a64_target14 t14; struct a64_target19 t19; struct a64_target26 t26;
        bool fits = false;
        uint32_t bits = 0;
        switch (kind) {
        case 0: ROW(try_mask(v, A64_WIDTH_W, &mask), mask); break;
        case 1: ROW(try_mask(v, A64_WIDTH_X, &mask), mask); break;
        case 2: ROW(try_arith(v, &arith), arith); break;
        case 3: ROW(try_unscaled((int64_t)v, &unscaled), unscaled); break;
        case 4: ROW(try_scaled((int64_t)v, A64_SIZE_D, &scaled), scaled); break;
        case 5: ROW(try_paired((int64_t)v, A64_WIDTH_X, &paired), paired); break;
        case 6: ROW(try_target14((int64_t)v, &t14), t14); break;
        case 7: ROW(try_target19((int64_t)v, &t19), t19); break;
        case 9: ROW(try_scaled16((int64_t)v, &scaled), scaled); break;
        case 10: ROW(try_paired16((int64_t)v, &paired), paired); break;
        case 11: ROW(try_right((uint32_t)v, &right), right); break;
        case 8: ROW(try_target26((int64_t)v, &t26), t26); break;
        }
        if (fits) { printf("%" PRIu32 "\\n", bits); } else { puts("-"); }
    }
}
`;

let program: string | undefined;
const construct = (rows: readonly (readonly [number, bigint])[]) => {
  program ??= compileNative(SOURCE);
  const input = rows.map(([kind, value]) => `${kind} ${BigInt.asUintN(64, value).toString(16)}`).join('\n');
  return runNative(program, `${input}\n`).trim().split('\n');
};

/** DDI 0487, DecodeBitMasks(immN, imms, immr, TRUE), written from the manual. */
const decodeMask = (n: number, immr: number, imms: number): bigint | undefined => {
  const length = 31 - Math.clz32((n << 6) | (~imms & 63));
  if (length < 1) return undefined;
  const size = 2 ** length;
  const ones = (imms & (size - 1)) + 1;
  const rotate = BigInt(immr & (size - 1));
  if (ones === size) return undefined;
  const run = (1n << BigInt(ones)) - 1n;
  const element = ((run >> rotate) | (run << (BigInt(size) - rotate))) & ((1n << BigInt(size)) - 1n);
  let value = 0n;
  for (let at = 0; at < 64; at += size) value |= element << BigInt(at);
  return value;
};

const allMasks = () => {
  const masks = new Set<bigint>();
  for (let bits = 0; bits < 8192; bits++) {
    const value = decodeMask(bits >> 12, (bits >> 6) & 63, bits & 63);
    if (value !== undefined) masks.add(value);
  }
  return masks;
};

const decodeBits = (bits: string) =>
  decodeMask(Number(bits) >> 12, (Number(bits) >> 6) & 63, Number(bits) & 63);
const needsClang = hasTool('clang-19') ? test : test.skip;

needsClang('every bitmask immediate of 64 bits is found and decodes to itself', (t) => {
  const masks = [...allMasks()];
  t.is(masks.length, 5334);
  const found = construct(masks.map((value) => [1, value] as const));
  t.deepEqual(found.map(decodeBits), masks);
});

needsClang('every bitmask immediate of 32 bits is found with N = 0 and decodes to itself twice over', (t) => {
  const low = (value: bigint) => value & 0xffffffffn;
  const masks = [...allMasks()].filter((value) => value >> 32n === low(value)).map(low);
  const found = construct(masks.map((value) => [0, value] as const));
  t.true(found.every((bits) => Number(bits) < 4096));
  t.deepEqual(
    found.map(decodeBits),
    masks.map((value) => (value << 32n) | value),
  );
});

needsClang('values next to a bitmask immediate are refused unless they are one', (t) => {
  const masks = allMasks();
  const near = [...masks].flatMap((value) => [
    value + 1n,
    value - 1n,
    value ^ 0x8000000000000001n,
    value ^ 0x10100n,
  ]);
  const values = [0n, (1n << 64n) - 1n, ...near].map((value) => BigInt.asUintN(64, value));
  const found = construct(values.map((value) => [1, value] as const));
  values.forEach((value, i) => {
    t.is(found[i] !== '-', masks.has(value), `0x${value.toString(16)}`);
  });
});

const edges = (low: bigint, high: bigint, step: bigint) => [
  low - step,
  low,
  low + step,
  0n,
  high - step,
  high,
  high + step,
];

const ranges: [string, number, bigint, bigint, bigint][] = [
  ['unscaled', 3, -256n, 255n, 1n],
  ['scaled', 4, 0n, 4095n * 8n, 8n],
  ['paired', 5, -512n, 504n, 8n],
  ['scaled16', 9, 0n, 4095n * 16n, 16n],
  ['paired16', 10, -1024n, 1008n, 16n],
  ['right', 11, 1n, 64n, 1n],
  ['target14', 6, -(1n << 13n), (1n << 13n) - 1n, 1n],
  ['target19', 7, -(1n << 18n), (1n << 18n) - 1n, 1n],
  ['target26', 8, -(1n << 25n), (1n << 25n) - 1n, 1n],
];

for (const [name, kind, low, high, step] of ranges) {
  needsClang(`${name} takes ${low}..${high} in steps of ${step} and nothing else`, (t) => {
    const values = [...edges(low, high, step), low + 1n, high - 1n, high * 1000n];
    const found = construct(values.map((value) => [kind, value] as const));
    values.forEach((value, i) => {
      t.is(found[i] !== '-', value >= low && value <= high && value % step === 0n, `${value}`);
    });
  });
}

needsClang('arith takes 12 bits, or 12 bits above them', (t) => {
  const fits = [0n, 1n, 4095n, 4096n, 0xfff000n, 0x123000n];
  const misfits = [4097n, 0xfff001n, 0x1000000n, -1n];
  const found = construct([...fits, ...misfits].map((value) => [2, value] as const));
  t.deepEqual(found, ['0', '1', '4095', '4097', '8191', `${4096 + 0x123}`, '-', '-', '-', '-']);
});
