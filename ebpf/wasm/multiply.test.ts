import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runClang } from '../clang.ts';

type Multiply = (result: number, aLow: bigint, aHigh: bigint, bLow: bigint, bHigh: bigint) => void;

const build = async (): Promise<{
  memory: WebAssembly.Memory;
  __multi3: Multiply;
  __heap_base: WebAssembly.Global;
}> => {
  const folder = await mkdtemp('/tmp/velocity-multiply-');
  try {
    const source = fileURLToPath(new URL('multiply.c', import.meta.url));
    const link = ['-Wl,--no-entry', '-Wl,--export=__multi3', '-Wl,--export=__heap_base'];
    const flags = ['--target=wasm32', '-std=c23', '-O2', '-ffreestanding', '-nostdlib', ...link];
    await runClang([...flags, source, '-o', `${folder}/a.wasm`], 'multiply.c');
    const module = new WebAssembly.Module(await readFile(`${folder}/a.wasm`));
    return new WebAssembly.Instance(module).exports as unknown as Awaited<ReturnType<typeof build>>;
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('128-bit products are exact modulo 2^128', async (t) => {
  const { memory, __multi3, __heap_base } = await build();
  const at = Math.ceil((__heap_base.value as number) / 16) * 16;
  const view = () => new DataView(memory.buffer);
  const borders = [0n, 1n, 2n, 0xffffffffn, 0x100000000n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];
  let seed = 1n;
  const random = () => {
    seed = BigInt.asUintN(64, seed * 6364136223846793005n + 1442695040888963407n);
    return seed ^ (seed >> 29n);
  };
  const halves = [...borders, ...Array.from({ length: 12 }, random)];
  for (const aLow of halves)
    for (const bLow of halves)
      for (const [aHigh, bHigh] of [
        [0n, 0n],
        [random(), random()],
      ] as const) {
        __multi3(at, aLow, aHigh, bLow, bHigh);
        const product = (view().getBigUint64(at + 8, true) << 64n) | view().getBigUint64(at, true);
        t.is(product, BigInt.asUintN(128, ((aHigh << 64n) | aLow) * ((bHigh << 64n) | bLow)));
      }
});
