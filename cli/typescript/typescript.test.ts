/** How our TypeScript is loaded in a clone. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../firmware/index.ts';
import { temporaryFolder } from '../test/command-line.ts';

const KEPT = 'build/javascript/said.ts.js';

/** A tree of its own with one program, which fails in its fifth line. */
const tree = () => {
  const folder = temporaryFolder();
  cpSync(join(root, 'cli/typescript'), join(folder, 'cli/typescript'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const says = (word: string) =>
    writeFileSync(
      join(folder, 'said.ts'),
      `type Word = string;\n\n// The translation has none of these lines.\nconst fail = (word: Word): never => {\n  throw new TypeError(word);\n};\nfail('${word}');\n`,
    );
  const run = () =>
    spawnSync(process.execPath, ['--import', './cli/typescript/register.mjs', 'said.ts'], {
      cwd: folder,
      encoding: 'utf8',
    }).stderr;
  says('first');
  return { folder, says, run };
};

const FIRST = /TypeError: first\n {4}at fail \(file:.*said\.ts:5:9\)\n {4}at file:.*said\.ts:7:1\n/;

test('errors_name_lines_of_the_source_translated_now_or_before', (t) => {
  const { folder, run } = tree();
  t.regex(run(), FIRST);
  const kept = readFileSync(join(folder, KEPT), 'utf8');
  t.true(kept.includes('"first"'));
  writeFileSync(join(folder, KEPT), kept.replace('"first"', '"kept"'));
  t.regex(run(), /TypeError: kept\n {4}at fail \(file:.*said\.ts:5:9\)/);
});

test('what_has_changed_or_was_kept_in_part_is_translated_anew', (t) => {
  const { folder, says, run } = tree();
  run();
  says('second');
  t.regex(run(), /TypeError: second\n/);
  writeFileSync(join(folder, KEPT), readFileSync(join(folder, KEPT), 'utf8').slice(0, 20));
  t.regex(run(), /TypeError: second\n/);
});

test('where_nothing_can_be_kept_programs_run_all_the_same', (t) => {
  const { folder, run } = tree();
  writeFileSync(join(folder, 'build'), '');
  t.regex(run(), /TypeError: first\n/);
  rmSync(join(folder, 'build'));
  run();
  t.true(existsSync(join(folder, KEPT)));
});
