/** What every command is given besides its arguments. */
import type { Command } from 'commander';
import type { Cleanup } from './cleanup.ts';
import type { Output } from './output.ts';

export type Context = { readonly output: Output; readonly cleanup: Cleanup };

/** A command declared in its own file of commands/; `program.ts` lists them. */
export type Register = (program: Command, context: Context) => void;
