/** Commands that compile or check the sources themselves work in a clone only. */
import { isPackage } from '../firmware/index.ts';
import type { Register } from './context.ts';
import { UsageError } from './failure.ts';

/** @throws UsageError in the installed package */
export const needsSources = (command: string): void => {
  if (!isPackage) return;
  throw new UsageError(
    `velocity ${command} needs the sources, which the npm package leaves out`,
    'clone the repository and run ./velocity there',
  );
};

/** In the package: says why they are not there. */
const absent: readonly Register[] = ['bench', 'docs', 'fuzz', 'test'].map((name) => (program) => {
  program
    .command(name, { hidden: true })
    .allowExcessArguments()
    .allowUnknownOption()
    .action(() => needsSources(name));
});

/** The compiler of the package does not follow a path that it cannot read, so those files stay out of it. */
const path = ['.', 'commands', 'from-sources.ts'].join('/');

export const sourceCommands: readonly Register[] = isPackage
  ? absent
  : ((await import(path)) as { fromSources: readonly Register[] }).fromSources;
