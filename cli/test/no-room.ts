/** A process to which no file may grow beyond 1 MiB: what a full disk does, without one. */
import { spawnSync } from 'node:child_process';

/** Lines that a program prints; it stands in a module. */
export const withoutRoom = (program: string): readonly string[] => {
  const limited = `trap '' XFSZ; ulimit -f 1024; exec "$0" --import tsx --input-type=module -e "$1"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', limited, process.execPath, program], {
    encoding: 'utf8',
  });
  return [...stdout.trim().split('\n'), ...(stderr ? [stderr] : [])];
};
