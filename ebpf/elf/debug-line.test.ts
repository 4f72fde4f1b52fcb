import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compileModule } from '../compile.ts';
import { Random } from '../random.ts';
import { readDebugLine } from './debug-line.ts';
import { readElf } from './file.ts';
import { loadFunctions } from './index.ts';

const source = fileURLToPath(new URL('../testdata/unsafe.c', import.meta.url));

/** The same object as a compiler makes it that says nothing of lines in BTF. */
const withoutBtfLines = (object: Uint8Array): Uint8Array => {
  const bytes = Buffer.from(object);
  for (let at = bytes.indexOf('.BTF.ext'); at >= 0; at = bytes.indexOf('.BTF.ext')) bytes.write('.xTF', at);
  return bytes;
};

const linesOf = (object: Uint8Array) =>
  loadFunctions(object).map((f) => ('program' in f ? f.program.lines?.map((l) => l?.line) : f.error.code));

for (const version of [2, 4, 5])
  test(`the lines of DWARF ${version} are those of BTF`, async (t) => {
    const object = await compileModule(source, { arguments: [`-gdwarf-${version}`] });
    const bare = withoutBtfLines(object);
    t.deepEqual(linesOf(bare), linesOf(object));
    const files = loadFunctions(bare).flatMap((f) => ('program' in f ? (f.program.lines ?? []) : []));
    t.true(files.length > 10 && files.every((line) => line?.file.endsWith('unsafe.c')));
  });

test('any bytes as debug information give lines or none', async (t) => {
  const object = readElf(withoutBtfLines(await compileModule(source)));
  const debug = object.sections.find((s) => s.name === '.debug_line')!;
  const random = new Random(7);
  for (let round = 0; round < 3000; round++) {
    const data = Uint8Array.from(debug.data);
    for (let i = 1 + random.below(6); i > 0; i--) data[random.below(data.length)] = random.below(256);
    const cut = data.subarray(0, random.below(4) === 0 ? random.below(data.length) : data.length);
    const sections = object.sections.map((s) => (s === debug ? { ...s, data: cut } : s));
    const lineAt = readDebugLine({ ...object, sections });
    const found = lineAt('timer/good', 8 * random.below(8));
    t.true(found === undefined || found.line >= 1);
  }
});
