/** What of a folder of firmware the page is offered. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryFolder } from '../../test/command-line.ts';
import { filesBelow } from './routes.ts';

test('files_below_a_folder_are_listed_without_hidden_ones_and_links_that_lead_nowhere_or_out_of_it', (t) => {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
  mkdirSync(join(folder, 'overlays'));
  for (const name of ['start4.elf', 'overlays/a.dtbo', '.hidden']) writeFileSync(join(folder, name), '');
  symlinkSync(join(folder, 'gone'), join(folder, 'link'));
  symlinkSync('round', join(folder, 'round'));
  writeFileSync(join(elsewhere, 'secret'), '');
  symlinkSync(join(elsewhere, 'secret'), join(folder, 'out'));
  t.deepEqual(filesBelow(folder).sort(), ['overlays/a.dtbo', 'start4.elf']);
});
