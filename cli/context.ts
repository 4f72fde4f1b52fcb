/** What every command is given besides its arguments. */
import type { Command } from 'commander';
import type { UsbHost } from '../flasher/index.ts';
import type { Cleanup } from './cleanup.ts';
import type { Output } from './output.ts';

export type Context = {
  readonly output: Output;
  readonly cleanup: Cleanup;
  /** In place of the machine's own USB. */
  readonly usb?: UsbHost;
  /** In place of looking for the machine's own serial ports. */
  readonly ports?: () => Promise<readonly string[]>;
};

/** A command declared in its own file of commands/. */
export type Register = (program: Command, context: Context) => void;

/** Its file is loaded when the command is meant. */
export type Load = () => Promise<Register>;
