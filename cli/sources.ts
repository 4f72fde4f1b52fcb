/** Commands that compile or check the sources themselves work in a clone only. */
import { isPackage } from '../firmware/index.ts';
import type { Load, Register } from './context.ts';
import { UsageError } from './failure.ts';

/** @throws UsageError in the installed package */
export const needsSources = (command: string): void => {
  if (!isPackage) return;
  throw new UsageError(
    `velocity ${command} needs the sources, which the npm package leaves out`,
    'clone the repository and run ./velocity there',
  );
};

/** In the package: says why it is not there. */
const absent =
  (name: string): Register =>
  (program) => {
    program
      .command(name, { hidden: true })
      .allowExcessArguments()
      .allowUnknownOption()
      .action(() => needsSources(name));
  };

/** The compiler of the package does not follow a path that it cannot read, so those files stay out of it. */
const path = ['.', 'commands', 'from-sources.ts'].join('/');

export const sourceCommands: Readonly<Record<string, Load>> = isPackage
  ? Object.fromEntries(['bench', 'docs', 'fuzz', 'test'].map((name) => [name, async () => absent(name)]))
  : ((await import(path)) as { fromSources: Readonly<Record<string, Load>> }).fromSources;
