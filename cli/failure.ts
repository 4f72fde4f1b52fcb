/** Turns any error into an exit code, one line for people and one for programs. */
import { type ExitName, exitCodes } from './exit-codes.ts';

/** The command line asks for something that makes no sense. */
export class UsageError extends Error {
  readonly code = 'usage';
  readonly hint: string;
  constructor(message: string, hint = 'see --help') {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

/** A file cannot be read or is not what it should be. */
export class FileError extends Error {
  readonly code = 'bad_file';
  readonly hint: string;
  constructor(path: string, problem: string, hint: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
    this.name = 'FileError';
    this.hint = hint;
  }
}

/** The command did its work, and the outcome was reported already; only the exit code is left to set. */
export class OutcomeError extends Error {
  readonly code: string;
  constructor(exit: ExitName, message: string) {
    super(message);
    this.name = 'OutcomeError';
    this.code = exit;
  }
}

export type Failure = {
  readonly exit: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
};

/** Codes of errors whose exit code has another name. */
const exitOf: Readonly<Record<string, ExitName>> = {
  bad_address: 'usage',
  unknown_board: 'usage',
  board_unavailable: 'missing_tool',
  install_failed: 'missing_tool',
  bad_reply: 'timeout',
  ABORT_ERR: 'cancelled',
  EACCES: 'permission',
  ENOENT: 'bad_file',
  EISDIR: 'bad_file',
  ENOSPC: 'bad_file',
  EPIPE: 'cancelled',
};

const exitNameOf = (code: string): ExitName => {
  if (Object.hasOwn(exitOf, code)) return exitOf[code]!;
  return Object.hasOwn(exitCodes, code) ? (code as ExitName) : 'internal';
};

const text = (error: unknown, key: string): string | undefined => {
  const value = (error as Record<string, unknown> | null)?.[key];
  return typeof value === 'string' ? value : undefined;
};

/** An error may say by `exit` which row of the table it belongs to; else its `code` decides. */
export const failureOf = (error: unknown): Failure => {
  const code = text(error, 'code') ?? 'internal';
  const exit = exitCodes[exitNameOf(text(error, 'exit') ?? code)].code;
  const message = error instanceof Error ? error.message : String(error);
  const unexpected = exit === exitCodes.internal.code && error instanceof Error;
  return { exit, code, message: unexpected ? (error.stack ?? message) : message, hint: text(error, 'hint') };
};
