/** Where the loop keeps every step. */
import { join } from 'node:path';
import { Option } from 'commander';
import { paths } from '../firmware/index.ts';

export const ledgerOption = (): Option =>
  new Option('--ledger <file>', 'where every step of the loop is kept').default(
    join(paths.state, 'ledger.jsonl'),
    'ledger.jsonl in .velocity of this checkout, or in ~/.local/state/velocity',
  );
