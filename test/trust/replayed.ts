/** What a board would start if the power had failed in any of the writes that it made: its own code says, on this machine. */
import { writeFileSync } from 'node:fs';
import { encodePolicy } from '../../firmware/index.ts';
import { run } from '../../firmware/toolchain.ts';
import { buildNative, mediumSources, updateSources } from '../../kernel-aarch64/test/native/build.ts';
import { recordedWrites } from './recorded-disk.ts';
import { policyWith, type UpdateBoard } from './update-board.ts';

export type AfterCut = readonly [write: string, sector: string, starts: '-' | 'a' | 'b'];

/**
 * Cuts every write of the board's `record` in the ways of kernel-aarch64/test/native/replay_host.c, beginning with the disk
 * that `before` is; `updates` are what was kept, and what was thrown out then.
 * @throws Error when a cut leaves anything that does not start whole
 */
export const startsAfterCuts = async (
  board: UpdateBoard,
  updates: readonly Uint8Array[],
  log: (line: string) => void,
): Promise<AfterCut[]> => {
  const files = ['policy', 'before', 'writes', 'a', 'b'].map((name) => board.file(name));
  const [policy, , writes, ...rest] = files;
  const pairs = recordedWrites(board.file('record')).flatMap(({ sector, bytes }) => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt(sector));
    return [number, bytes];
  });
  writeFileSync(policy!, encodePolicy(policyWith(1)));
  writeFileSync(writes!, Buffer.concat(pairs));
  for (const [i, update] of updates.entries()) writeFileSync(rest[i]!, update);
  const sources = ['test/native/replay_host.c', ...updateSources, ...mediumSources.memory];
  const said = await run(await buildNative('replay', sources, log), files);
  const lines = said.trim().split('\n');
  return lines.map((line) => line.split(' ') as unknown as AfterCut);
};
