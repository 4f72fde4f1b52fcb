/** The tutorial, done: every command of it, in its order, on an emulated board, with the module as it is printed there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool, root } from '../../firmware/index.ts';

const tutorial = readFileSync(join(root, 'docs/tutorial.md'), 'utf8');
const blocks = (language: string) =>
  [...tutorial.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text!);

/** Its command lines; the first one, which keeps a board running, is what the test does itself. */
const commands = blocks('sh')
  .flatMap((block) => block.split('\n'))
  .filter((line) => line.startsWith('./velocity '))
  .map((line) => line.split(/\s+/).slice(1));

const source = blocks('c')[0]!;
const folder = temporaryFolder();
const file = join(folder, 'hello.c');

/** What a person does at the keyboard, or what would change this checkout, is left out. */
const additions: Readonly<Record<string, readonly string[]>> = {
  monitor: ['--count', '2', '--interval', '50'],
  evolve: ['--model', 'none', '--attempts', '1', '--ledger', join(folder, 'ledger.jsonl')],
};

const words = (command: readonly string[], address: string): string[] => [
  ...command.map((word) => (word === '$BOARD' ? address : word === 'hello.c' ? file : word)),
  ...(additions[command[0]!] ?? []),
];

const onEmulator = findTool('qemu') && findTool('clang') ? test.serial : test.serial.skip;

onEmulator('what_the_tutorial_says_works_line_by_line', async (t) => {
  t.timeout(600_000);
  t.deepEqual(commands[0], ['start', '--board', 'qemu-virt']);
  writeFileSync(file, source);
  const board = await startBoard('qemu-virt');
  t.teardown(() => board.stop());
  const said: string[] = [];
  for (const command of commands.slice(1)) {
    if (command.includes('--canary')) writeFileSync(file, source.replace('*count += 1', '*count += 2'));
    const { exit, stdout, stderr } = await velocity(...words(command, board.address));
    const events = exit === 0 ? '' : (await velocity('events', '--port', board.address)).stdout;
    t.is(exit, 0, `${command.join(' ')}\n${stdout}${stderr}${events}`);
    said.push(stdout);
  }
  const of = (...start: string[]) =>
    said[commands.findIndex((command) => start.every((word, i) => command[i] === word)) - 1]!;
  t.regex(of('monitor'), /hello/);
  t.regex(of('events'), /hello v2 installed/);
  t.regex(of('module', 'list'), /hello/);
  t.regex(of('module', 'rollback'), /hello/);
  t.regex(of('evolve'), /fir/);
});

onEmulator('the_verifier_says_what_is_wrong_without_the_null_check', async (t) => {
  const wrong = join(folder, 'wrong.c');
  const without = source.replace(/.*if \(!count\).*\n/, '');
  t.not(without, source);
  writeFileSync(wrong, without);
  const { exit, stderr, stdout } = await velocity('bpf', 'verify', wrong);
  t.is(exit, 9);
  t.regex(`${stdout}${stderr}`, /instruction \d+[\s\S]*r\d/);
});
