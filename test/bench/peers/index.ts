/** The side-by-side benchmark: the same programs on this kernel, in Debian's Linux, and as native code, all in QEMU. */
import type { VelocityLink } from '../../../link/index.ts';
import { type BoardRun, compileProgram, runOnBoard } from './board.ts';
import { type CycleRow, cycleRows } from './cycles.ts';
import { type Improved, improve } from './improved.ts';
import { runOnLinux } from './linux.ts';
import { fetchLinux, type LinuxKernel } from './linux-package.ts';
import { runOnHost } from './natives.ts';
import { measureObjects, type ObjectRow } from './objects.ts';
import { empty, memoryOf, type PeerProgram, programs } from './programs.ts';
import { programFile } from './record.ts';
import { type Row, rowOf } from './row.ts';
import { type VectorRow, vectorRowOf } from './vector-row.ts';
import { vectorPrograms } from './vectors.ts';

export { NoPeerError } from '../../../cli/debian-package.ts';
export { improvedMetrics } from './improved.ts';
export { objectMetrics } from './objects.ts';
export { objectTable } from './objects-page.ts';
export { page, rowTable } from './page.ts';
export { peerMetrics, type Row } from './row.ts';
export { vectorPage, vectorTable } from './vector-page.ts';
export { type VectorRow, vectorMetrics } from './vector-row.ts';

/** A sample is this long, so that the timer interrupt (every four million) falls into one in ten. */
const SAMPLE_INSNS = 400_000;
/** What a run costs in Linux beside the program. */
const OVERHEAD_INSNS = 100;

type Prepared = {
  readonly program: PeerProgram;
  readonly code: Uint8Array;
  readonly board: BoardRun;
  /** With the vector helper, where there is one. */
  readonly helped?: BoardRun;
  /** What a program without a helper becomes. */
  readonly improved?: Improved;
};

const prepare = async (link: VelocityLink, say: (line: string) => void): Promise<Prepared[]> => {
  const prepared: Prepared[] = [];
  for (const program of [empty, ...programs, ...vectorPrograms]) {
    const code = await compileProgram(program);
    const board = await runOnBoard(link, program, code);
    if (program.helper) {
      const vector = await compileProgram(program, ['-DVECTOR']);
      prepared.push({ program, code, board, helped: await runOnBoard(link, program, vector) });
    } else {
      say(`improving ${program.name}`);
      prepared.push({ program, code, board, improved: await improve(link, program, code, board) });
    }
  }
  return prepared;
};

const repeatOf = ({ board }: Prepared) => Math.ceil(SAMPLE_INSNS / (board.executed + OVERHEAD_INSNS));

const net = ({ executed, loaded, helped, ...rest }: Improved, nothing: BoardRun): Improved => ({
  ...rest,
  loaded: loaded - nothing.executed,
  executed: executed - nothing.executed,
  ...(helped !== undefined && { helped: helped - nothing.executed }),
});

export type Comparison = {
  readonly rows: readonly Row[];
  readonly vectorRows: readonly VectorRow[];
  readonly objectRows: readonly ObjectRow[];
  readonly cycles: readonly CycleRow[];
  readonly improved: readonly Improved[];
  readonly linux: LinuxKernel;
};

/**
 * Measures everything; takes some minutes, most of them for what the host proposes.
 * @throws NoPeerError when Debian's kernel cannot be had
 */
export const comparePeers = async (
  withBoard: <T>(use: (link: VelocityLink) => Promise<T>) => Promise<T>,
  say: (line: string) => void,
): Promise<Comparison> => {
  const linux = fetchLinux(say);
  const objectRows = await measureObjects(say);
  say('running the programs on this kernel');
  const prepared = await withBoard((link) => prepare(link, say));
  const file = programFile(prepared.map((p) => ({ ...p, memory: memoryOf(p.program), repeat: repeatOf(p) })));
  const host = await runOnHost(file);
  say(`running the programs in ${linux.package}`);
  const lines = await runOnLinux(linux, file);
  const [nothing, ...measured] = prepared.map((p, i) => {
    const peer = lines.get(p.program.name);
    if (!peer || !host[i]) throw new Error(`${p.program.name}: a peer said nothing about it`);
    return { ...p, peer, host: host[i] };
  });
  return {
    rows: measured.filter((m) => !m.helped).map((m) => rowOf(m, nothing!)),
    vectorRows: measured.flatMap(({ helped, ...m }) =>
      helped ? [vectorRowOf({ ...m, helped }, nothing!)] : [],
    ),
    objectRows,
    cycles: await cycleRows(measured.filter((m) => !m.helped)),
    improved: measured.flatMap(({ improved }) => (improved ? [net(improved, nothing!.board)] : [])),
    linux,
  };
};
