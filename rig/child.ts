/** Child processes that never outlive this one, however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * The shell holds a pipe from us; when it closes, by our exit, a crash or SIGKILL, it ends the command.
 * A signal to the whole process group ends the shell but not its watcher, which waits for the pipe alone: an emulator
 * that ignores the signal is ended all the same. Until the watcher is there, signals do not end the shell: they are caught,
 * not ignored, since the command would inherit that they are ignored.
 */
const leash = `trap : INT TERM HUP
exec 3<&0
"$@" 3<&- </dev/null & command=$!
{ trap '' INT TERM HUP; cat <&3 >/dev/null; kill -9 $command; } 2>/dev/null &
exec 3<&-
trap - INT TERM HUP
wait $command`;

/** Starts a command on a leash; its stderr is readable, its stdout goes nowhere. */
export const spawnLeashed = (command: string, args: readonly string[]): ChildProcess =>
  spawn('sh', ['-c', leash, 'sh', command, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });

/** Ends a leashed command and waits until it is gone. */
export const release = async (child: ChildProcess, exited: Promise<unknown>): Promise<void> => {
  child.stdin?.destroy();
  await exited;
};
