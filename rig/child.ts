/** Child processes that never outlive this one, however it ends. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

/**
 * The shell holds a pipe from us; when it closes, by our exit, a crash or SIGKILL, it ends the command.
 * A signal to the whole process group ends the shell but not its watcher, which waits for the pipe alone: an emulator
 * that ignores the signal is ended all the same. Until the watcher is there, signals do not end the shell: they are caught,
 * not ignored, since the command would inherit that they are ignored.
 */
const leash = (whom: '$command' | '-$$'): string => `trap : INT TERM HUP
exec 3<&0
"$@" 3<&- </dev/null & command=$!
{ trap '' INT TERM HUP; cat <&3; kill -9 ${whom}; } >/dev/null 2>&1 &
exec 3<&-
trap - INT TERM HUP
wait $command`;

/** Starts a command on a leash; its stderr is readable, its stdout goes nowhere. */
export const spawnLeashed = (command: string, args: readonly string[]): ChildProcess =>
  spawn('sh', ['-c', leash('$command'), 'sh', command, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });

/** The same for a command that starts others, which end with it: all are one process group. Its stdout is readable, too. */
export const spawnGroupLeashed = (
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): ChildProcessWithoutNullStreams =>
  spawn('sh', ['-c', leash('-$$'), 'sh', command, ...args], { ...options, detached: true });

/** Ends a leashed command and waits until it is gone. */
export const release = async (child: ChildProcess, exited: Promise<unknown>): Promise<void> => {
  child.stdin?.destroy();
  await exited;
};
