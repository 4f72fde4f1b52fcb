/** Says where nothing can be started: in a folder that is gone, or whose name Node.js can't read. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const BAD_FILE = 10; // as in exit-codes.ts

const fail = (problem, hint) => {
  process.stderr.write(`velocity: ${problem}\n  hint: ${hint}\n`);
  process.exit(BAD_FILE);
};

const isHere = () => {
  try {
    return existsSync(process.cwd());
  } catch {
    return false;
  }
};

if (!isHere()) fail('the current folder is gone, or its name is not UTF-8', 'run it from another folder');
if (existsSync(tmpdir()) && !existsSync(`${tmpdir()}/.`))
  fail(`${tmpdir()} is no folder for temporary files`, 'set TMPDIR to a folder where you may write');
