/** What the kernel's routines for vector helpers execute, by how much they are given: each is called with sizes that only the run knows. */
import { type Vector, type VectorArgument, vectors } from '../../../abi/index.ts';
import { assemble, certificateOf } from '../../../ebpf/index.ts';
import type { Measured } from '../../../ebpf/vector-costs.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { MEMORY_BYTES, memoryOf } from '../peers/programs.ts';

/** As the table holds it. */
export type Routine = Measured;

/** Around the sizes at which routines change what they do: pieces, units of 16 bytes, turns of 64. */
const COUNTS = [
  0, 1, 2, 3, 4, 6, 8, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 80, 96, 127, 128, 129, 192, 256, 512,
  1024, 2048,
];

/** Of helpers with two counts, whose buffers share the memory: where they lie, and the counts. */
const PLANES: Readonly<
  Record<string, { at: readonly number[]; first: readonly number[]; second: readonly number[] }>
> = {
  vl_gemv_i8: { at: [1536, 0, 1280], first: [0, 1, 4], second: [1, 4, 8, 15, 16, 17, 32, 64, 128, 256] },
  vl_fir_i16: { at: [1600, 0, 512], first: [0, 1, 15, 16, 32, 64], second: [1, 4, 7, 8, 9, 16, 32, 64] },
};

const WRITTEN_AT = 1024;

type Plan = {
  readonly vector: Vector;
  /** Of each buffer, in bytes. */
  readonly at: readonly number[];
  readonly first: readonly number[];
  readonly second: readonly number[];
};

const isBuffer = (a: VectorArgument) => 'elements' in a;

const planOf = (name: string, vector: Vector): Plan => {
  const args = Object.values(vector.args);
  const buffers = args.filter(isBuffer);
  if (PLANES[name]) return { vector, ...PLANES[name] };
  const apart = buffers.length > 1 && buffers.some((b) => b.kind !== 'in');
  const at = buffers.map((b) => (apart && b.kind !== 'in' ? WRITTEN_AT : 0));
  const counted = buffers.find((b) => 'elements' in b && !/^\d/.test(b.elements))!;
  const most = (apart ? WRITTEN_AT : MEMORY_BYTES) / ('bytes' in counted ? counted.bytes : 1);
  const least = args.some((a) => a.kind === 'count1') ? 1 : 0;
  return { vector, at, first: COUNTS.filter((n) => n >= least && n <= most), second: [0] };
};

/** Counts lie in the first bytes of the memory; no branch is taken, so every word of the program executes once. */
const codeOf = ({ vector, at, first, second }: Plan): Uint8Array => {
  const most = [Math.max(...first), Math.max(...second)];
  const lines = ['r0 = 0', 'r6 = r1', 'r7 = *(u16 *)(r6 + 0)', 'r8 = *(u16 *)(r6 + 2)'];
  const counts = Object.values(vector.args).filter((a) => a.kind.startsWith('count'));
  counts.forEach((count, i) => {
    if (count.kind === 'count1') lines.push(`if r${7 + i} == 0 goto out`);
    lines.push(`if r${7 + i} > ${most[i]} goto out`);
  });
  let [buffers, numbers] = [0, 0];
  Object.values(vector.args).forEach((a, i) => {
    if (a.kind === 'number') lines.push(`r${i + 1} = ${MISSING}`);
    else if (isBuffer(a)) lines.push(`r${i + 1} = r6`, `r${i + 1} += ${at[buffers++]}`);
    else lines.push(`r${i + 1} = r${7 + numbers++}`);
  });
  return assemble([...lines, `call ${vector.id}`, 'r0 = 0', 'out: exit'].join('\n'));
};

/** A byte that the memory does not hold: searches go to the end. */
const MISSING = 0x5a;
const fill = (memory: DataView, counts: readonly number[], search: boolean) => {
  for (let i = 0; search && i < MEMORY_BYTES; i += 1) memory.setUint8(i, memory.getUint8(i) & ~MISSING);
  counts.forEach((n, i) => void memory.setUint16(2 * i, n, true));
};

type Counted = { readonly executed: number; readonly words: number };

const run = async (link: VelocityLink, code: Uint8Array, mem: Uint8Array): Promise<Counted> => {
  const certificate = await certificateOf({ code, hook: 'run' }, { memorySize: MEMORY_BYTES });
  const { cycles, jit_bytes } = await link.runProgram({ jit: true, code, mem, certificate });
  return { executed: Number(cycles), words: jit_bytes / 4 };
};

const measureRoutine = async (link: VelocityLink, plan: Plan, nothing: Counted): Promise<Routine> => {
  const { first, second, vector } = plan;
  const code = codeOf(plan);
  const search = vector.returns === 'place';
  const executed: number[][] = [];
  for (const m of second) {
    const row: number[] = [];
    for (const n of first) {
      const memory = memoryOf({ name: '', title: '', fill: (data) => fill(data, [n, m], search) });
      const ran = await run(link, code, memory);
      row.push(ran.executed - nothing.executed - (ran.words - nothing.words));
    }
    executed.push(row);
  }
  return { first, second, executed };
};

/** By name of the helper. The figures are exact on a board under `-icount shift=0`. */
export const measureRoutines = async (
  link: VelocityLink,
  names: readonly string[] = Object.keys(vectors),
): Promise<Map<string, Routine>> => {
  const nothing = await run(link, assemble('r0 = 0\n exit'), new Uint8Array(MEMORY_BYTES));
  const routines = new Map<string, Routine>();
  for (const name of names)
    routines.set(name, await measureRoutine(link, planOf(name, vectors[name]!), nothing));
  return routines;
};
