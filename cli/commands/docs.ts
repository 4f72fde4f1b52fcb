import { join } from 'node:path';
import type { Command } from 'commander';
import { root } from '../../firmware/index.ts';
import type { Context } from '../context.ts';
import { buildSite } from '../site/build.ts';

/** `velocity docs`: the documents as a site. */
export const registerDocs = (program: Command, { output }: Context): void => {
  program
    .command('docs')
    .description(
      'build the documents as a site of plain files, with search: it needs no server and no network',
    )
    .option('--out <folder>', 'where to; an older site there is replaced', 'build/docs')
    .addHelpText('after', '\nExample:\n  velocity docs --out build/docs')
    .action(({ out }: { out: string }) => {
      const folder = out === 'build/docs' ? join(root, out) : out;
      const { pages, files } = buildSite(folder);
      const index = join(folder, 'index.html');
      output.fact({ event: 'built', index, pages, files }, `${index}: ${pages} pages; open it in a browser`);
    });
};
