/** The commands of the package where Node.js is too old for them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../firmware/index.ts';
import { exitCodes } from './exit-codes.ts';

const underNode = (version: string) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const program = join(root, 'cli/bin/velocity.mjs');
  return spawnSync(process.execPath, ['--import', `data:text/javascript,${pretend}`, program, '--version'], {
    encoding: 'utf8',
  });
};

test('an_old_node_is_told_in_a_sentence_and_one_that_is_new_enough_is_not', (t) => {
  const { status, stderr } = underNode('18.19.1');
  t.is(status, exitCodes.missing_tool.code);
  t.is(stderr, 'velocity: Node.js 18.19.1 is too old; install version 20 or newer\n');
  t.is(underNode('20.0.0').status, 0);
});
