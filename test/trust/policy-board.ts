/** A virtual board whose image has a policy of the test's own; the shared build is left as it is. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boardNamed } from '../../boards/index.ts';
import { buildFor } from '../../cli/virtual.ts';
import {
  encodePolicy,
  imageFromElf,
  type Policy,
  paths,
  requireTool,
  stampPolicy,
} from '../../firmware/index.ts';
import { type SigningKey, signerOf } from '../../firmware/sign.ts';
import { VelocityLink } from '../../link/index.ts';
import { startVirtualBoard } from '../../rig/index.ts';
import { patience } from '../board/patience.ts';

export const hexOf = (key: SigningKey): string => Buffer.from(key.publicKey).toString('hex');

export type PolicyBoard = {
  readonly link: VelocityLink;
  readonly console: string[];
  /** Signs with this key what the board wants signed; null: with none. */
  readonly signAs: (key: SigningKey | null) => void;
  readonly stop: () => Promise<void>;
};

/** The image of this build with another policy block; `damage` changes the block once more. */
export const imageWith = (policy: Policy, damage = (block: Buffer) => block): Buffer =>
  stampPolicy(imageFromElf(readFileSync(paths.elf)), damage(encodePolicy(policy)));

export const startWithPolicy = async (
  policy: Policy,
  damage?: (block: Buffer) => Buffer,
): Promise<PolicyBoard> => {
  const board = boardNamed('qemu-virt');
  await buildFor(board, () => {});
  const folder = mkdtempSync(join(tmpdir(), 'velocity-policy-'));
  const image = join(folder, 'Image');
  writeFileSync(image, imageWith(policy, damage));
  const running = await startVirtualBoard({ board, image, qemu: requireTool('qemu') });
  const console: string[] = [];
  const link = await VelocityLink.open(running.address, {
    ...patience,
    onConsole: (line) => console.push(line),
  });
  return {
    link,
    console,
    signAs: (key) =>
      link.signWith(
        key
          ? signerOf(() => key)
          : () => {
              throw new Error('nobody signs here');
            },
      ),
    stop: async () => {
      await link.close();
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
