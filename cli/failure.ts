/** Turns any error into an exit code, one line for people and one for programs. */
import { CommanderError } from 'commander';
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
  no_flash_path: 'usage',
  bad_image: 'bad_file',
  bad_reply: 'timeout',
  map_unsettled: 'timeout',
  restarted: 'timeout',
  stalled: 'refused',
  usb_memory: 'port_busy',
  wrong_mode: 'refused',
  bad_device: 'refused',
  disk_refused: 'usage',
  disk_full: 'bad_file',
  disk_error: 'verify_failed',
  store_missing: 'bad_file',
  store_foreign: 'bad_file',
  store_damaged: 'bad_file',
  store_newer: 'bad_file',
  store_full: 'bad_file',
  store_unreadable: 'permission',
  store_unsupported: 'missing_tool',
  store_busy: 'failed',
  ABORT_ERR: 'cancelled',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'permission',
  EEXIST: 'bad_file',
  EISDIR: 'bad_file',
  ELOOP: 'bad_file',
  EMFILE: 'failed',
  ENAMETOOLONG: 'bad_file',
  ENFILE: 'failed',
  ENODEV: 'bad_file',
  ENOENT: 'bad_file',
  ENOSPC: 'bad_file',
  ENOTDIR: 'bad_file',
  EDQUOT: 'bad_file',
  EFBIG: 'bad_file',
  EIO: 'bad_file',
  ETXTBSY: 'bad_file',
  ENXIO: 'bad_file',
  ERR_FS_FILE_TOO_LARGE: 'bad_file',
  EPIPE: 'cancelled',
};

const NO_ROOM = 'make room on the disk that is written to, then do it again';

/** For errors of the operating system that nobody said more about. */
const hints: Readonly<Record<string, string>> = {
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM,
  EACCES: 'this user may not do that there: name another place, or change who may',
  EISDIR: 'a folder is there: name a file',
  EFBIG:
    'neither that disk nor `ulimit -f` may take a file of that size: name another place, or raise the limit',
  EROFS: 'that disk is read-only: name a place where you may write',
};

const missing = new Set(['ENOENT', 'ENOTDIR']);
const codeOfCause = (error: Error): string => text(error.cause, 'code') ?? text(error, 'code') ?? '';

const hintOf = (error: unknown): string | undefined => {
  if (error instanceof CommanderError) return 'add --help for the options';
  if (error instanceof Error && error.message.includes('\ufffd') && missing.has(codeOfCause(error)))
    return 'its name is not UTF-8, and Node.js opens no such file: rename it';
  const code = text(error, 'code') ?? '';
  return text(error, 'hint') ?? (Object.hasOwn(hints, code) ? hints[code] : undefined);
};

const exitNameOf = (code: string): ExitName => {
  if (Object.hasOwn(exitOf, code)) return exitOf[code]!;
  return Object.hasOwn(exitCodes, code) ? (code as ExitName) : 'internal';
};

const text = (error: unknown, key: string): string | undefined => {
  const value = (error as Record<string, unknown> | null)?.[key];
  return typeof value === 'string' ? value : undefined;
};

const messageOf = (error: unknown, name: ExitName): string => {
  if (!(error instanceof Error)) return String(error);
  if (name === 'internal') return error.stack ?? error.message;
  return error instanceof CommanderError ? error.message.replace(/^error: /, '') : error.message;
};

export const failureOf = (error: unknown): Failure => {
  const exit = error instanceof CommanderError ? 'usage' : text(error, 'exit');
  const name = exitNameOf(exit ?? text(error, 'code') ?? 'internal');
  return {
    exit: exitCodes[name].code,
    code: error instanceof CommanderError ? name : (text(error, 'code') ?? name),
    message: messageOf(error, name),
    hint: hintOf(error),
  };
};
