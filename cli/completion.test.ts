/** The completion scripts, in real shells where they are installed. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { velocity } from './test/command-line.ts';

const script = (await velocity('completion')).stdout;
const hasBash = spawnSync('bash', ['--version']).status === 0;
const inBash = hasBash ? test : test.skip;

/** What bash offers after these words; the last one is what is being typed. */
const offered = (...words: string[]): string[] => {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const call = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _velocity; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${call}`], { encoding: 'utf8' });
  if (stderr) throw new Error(stderr);
  return stdout.split('\n').filter((word) => word !== '');
};

inBash('commands_and_their_subcommands_are_offered', (t) => {
  t.deepEqual(offered('velocity', 'fla'), ['flash']);
  t.deepEqual(offered('velocity', 'rig', 'so'), ['soak']);
  t.deepEqual(offered('/usr/bin/velocity-rig', 'do'), ['doctor']);
});

inBash('options_are_offered_those_that_hold_everywhere_too', (t) => {
  t.deepEqual(offered('velocity', 'rig', 'soak', '--se'), ['--seed']);
  t.true(offered('velocity', 'monitor', '--').includes('--baud'));
  t.true(offered('velocity-flash', '--').includes('--firmware-dir'));
});

inBash('names_of_boards_and_suites_are_offered', (t) => {
  t.deepEqual(offered('velocity', 'flash', '--board', 'rpi4'), ['rpi4b', 'rpi400']);
  t.deepEqual(offered('velocity-rig', 'run', '--suite', 'sw'), ['swap']);
});

const installed = (shell: string) => spawnSync(shell, ['--version']).status === 0;

const outputOf = (shell: string, args: readonly string[], input?: string): string[] => {
  const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', input });
  if (stderr) throw new Error(stderr);
  return stdout.split(/\s+/).filter((word) => word !== '');
};

const inZsh = installed('zsh') ? test : test.skip;
inZsh('zsh_offers_the_same', async (t) => {
  const text = (await velocity('completion', 'zsh')).stdout;
  const all = (...words: string[]) =>
    outputOf('zsh', ['-fc', `${text}\n_velocity_offered ${words.map((word) => `'${word}'`).join(' ')}`]);
  t.true(all('velocity', 'fla').includes('flash'));
  t.true(all('/usr/bin/velocity-rig', 'do').includes('doctor'));
  t.true(all('velocity', 'rig', 'soak', '--se').includes('--seed'));
  t.true(all('velocity', 'flash', '--board', 'rpi4').includes('rpi4b'));
});

const inFish = installed('fish') ? test : test.skip;
inFish('fish_offers_the_same', async (t) => {
  const text = (await velocity('completion', 'fish')).stdout;
  const all = (line: string) => outputOf('fish', ['--no-config', '-c', `${text}\ncomplete -C '${line}'`]);
  t.true(all('velocity fla').includes('flash'));
  t.true(all('velocity-rig do').includes('doctor'));
  t.true(all('velocity rig soak --se').includes('--seed'));
  t.true(all('velocity flash --board rpi4').includes('rpi4b'));
});
