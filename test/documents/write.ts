/** Renews the generated blocks of the documents; with `--demo` also records the demonstration's output in the README. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../firmware/index.ts';
import { documents, readDocument, renewed, withBlock } from './blocks.ts';

for (const path of documents) writeFileSync(join(root, path), renewed(readDocument(path)));

if (process.argv.includes('--demo')) {
  const output = execFileSync(join(root, 'velocity'), ['demo'], { encoding: 'utf8' }).trim();
  const readme = withBlock(readDocument('README.md'), 'demo', `\`\`\`\n${output}\n\`\`\``);
  writeFileSync(join(root, 'README.md'), readme);
}
