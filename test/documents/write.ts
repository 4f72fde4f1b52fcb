/** Renews the generated blocks of the documents; with `--demo` also records the demonstration's output in the README. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../firmware/index.ts';
import { documents, readDocument, renewed, withBlock } from './blocks.ts';
import { boardPages } from './board-pages.ts';

for (const path of documents) writeFileSync(join(root, path), renewed(readDocument(path)));

for (const [path, text] of Object.entries(boardPages())) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

if (process.argv.includes('--demo')) {
  const output = execFileSync(join(root, 'velocity'), ['demo'], { encoding: 'utf8' }).trim();
  const readme = withBlock(readDocument('README.md'), 'demo', `\`\`\`\n${output}\n\`\`\``);
  writeFileSync(join(root, 'README.md'), readme);
}
