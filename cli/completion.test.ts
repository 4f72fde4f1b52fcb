/** The completion script, in a real bash. */
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
