/** Exit codes of every velocity command. Stable: scripts depend on them. */

export const exitCodes = {
  ok: { code: 0, doc: 'done' },
  internal: { code: 1, doc: 'a bug in velocity; please report it with the output' },
  usage: { code: 2, doc: 'the command line is wrong' },
  missing_tool: { code: 3, doc: 'a tool is not installed or too old; see `velocity doctor`' },
  unplugged: { code: 4, doc: 'there is no such port, or the board went away' },
  permission: { code: 5, doc: 'this user may not open the port or write the device' },
  port_busy: { code: 6, doc: 'another program holds the port' },
  timeout: { code: 7, doc: 'the board does not answer' },
  refused: { code: 8, doc: 'the board refused, with a reason' },
  verify_failed: {
    code: 9,
    doc: 'what was written does not read back, a board measures otherwise than what was built, or a program did not pass the verifier',
  },
  bad_file: { code: 10, doc: 'a file is missing, damaged or of the wrong kind' },
  build_failed: { code: 11, doc: 'the compiler or linker failed' },
  emulator_died: { code: 12, doc: 'the emulator ended by itself' },
  abi_mismatch: { code: 13, doc: 'host and board are from different releases' },
  no_model: { code: 14, doc: 'the language model is missing or broken' },
  failed: { code: 15, doc: 'the work was done but its outcome is not what was asked for' },
  cancelled: { code: 130, doc: 'stopped by Ctrl-C or a signal' },
} as const;

export type ExitName = keyof typeof exitCodes;

/** The table that `velocity --help` ends with, and the reference has. */
export const exitCodeTable = (): string =>
  Object.entries(exitCodes)
    .map(([name, { code, doc }]) => `${String(code).padStart(4)}  ${name.padEnd(14)} ${doc}`)
    .join('\n');
