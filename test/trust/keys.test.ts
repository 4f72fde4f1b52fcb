/** Keys as people use them: an image accepts the patches of its own key only. In a copy of the tree, whose build is its own. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { loadHost } from '../../ebpf/index.ts';
import { buildKernel, root } from '../../firmware/index.ts';

/** With the times of files, so that what is compiled already stays so. */
const same = { recursive: true, preserveTimestamps: true } as const;
const left = new Set(['build', 'node_modules', '.git', '.velocity', 'docs']);

/** Built first, so that nothing is built while it is copied. */
const copyOfTheTree = async (): Promise<string> => {
  await buildKernel();
  await loadHost();
  const folder = temporaryFolder();
  for (const part of readdirSync(root)) {
    if (!left.has(part)) cpSync(join(root, part), join(folder, part), same);
  }
  mkdirSync(join(folder, 'build'));
  for (const part of ['obj', 'kernel/kernel.elf', 'kernel/kernel.elf.from', 'wasm/velocity.wasm']) {
    const built = join('build', part);
    if (existsSync(join(root, built))) cpSync(join(root, built), join(folder, built), same);
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
};

test('an_image_accepts_the_patches_of_the_key_it_was_built_with_and_no_others', async (t) => {
  t.timeout(300_000);
  const folder = await copyOfTheTree();
  const velocity = (env: Readonly<Record<string, string>>, ...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'cli/main.ts', ...args, '--json'],
      { cwd: folder, encoding: 'utf8', env: { ...process.env, VELOCITY_KEYS: join(folder, 'keys'), ...env } },
    );
    const lines = stdout.split('\n').filter((line) => line !== '');
    return { status, stderr, last: JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
  };
  const field = velocity({}, 'keys', 'new', 'field');
  const other = velocity({}, 'keys', 'new', 'other');
  t.is(field.status, 0, field.stderr);
  t.not(field.last.key_id, other.last.key_id);
  const built = velocity({}, 'build', '--key', 'field');
  t.is(built.last.key_id, field.last.key_id, built.stderr);
  const load = ['module', 'load', 'modules/fir/fir.c', '--optimise', 'none', '--board', 'qemu-virt'];
  const own = velocity({}, ...load, '--key', 'field');
  t.is(own.status, 0, own.stderr);
  t.is(own.last.event, 'installed');
  // The board is built for the key of the environment, and signed with the other one by a script that mixes them up.
  const code = `
    import { startBoard } from './cli/virtual.ts';
    import { patchFor, push } from './cli/patching.ts';
    import { readProgram } from './cli/module-file.ts';
    import { chosenKey } from './firmware/sign.ts';
    import { VelocityLink } from './link/index.ts';
    const board = await startBoard('qemu-virt', () => {}, { key: chosenKey('field') });
    const link = await VelocityLink.open(board.address, { readyTimeoutMs: 180000, retries: 30 });
    const program = await readProgram('modules/fir/fir.c');
    const patch = await patchFor(link, { program, name: 'fir' });
    const status = await push(link, patch, chosenKey('other'), { canary: false }).then(() => 'accepted', (e) => e.status);
    console.log(JSON.stringify({ status, key: Buffer.from((await link.info()).key_id).toString('hex') }));
    await link.close();
    await board.stop();`;
  const mixed = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, VELOCITY_KEYS: join(folder, 'keys') },
  });
  t.deepEqual(
    JSON.parse(mixed.stdout || '{}'),
    { status: 'unknown_key', key: field.last.key_id },
    mixed.stderr,
  );
});
