/** What `bpf verify` and `bpf jit` have in common: whose rules hold for an object, and what refused programs end in. */
import { type Command, Option } from 'commander';
import { linuxTypes } from '../../abi/index.ts';
import { KernelTypes } from '../../ebpf/index.ts';
import { OutcomeError } from '../failure.ts';
import { readBytes } from '../module-file.ts';

export const addPlatformOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--platform <name>', 'whose program types, contexts and helpers hold')
        .choices(['velocity', 'linux'])
        .default('velocity'),
    )
    .addOption(
      new Option(
        '--type <name>',
        'Linux: program type of every function, when the sections do not say',
      ).choices(Object.keys(linuxTypes)),
    )
    .option(
      '--btf <file>',
      'Linux: relocate programs (CO-RE) for the kernel with these types, as /sys/kernel/btf/vmlinux has them',
    );

/** The kernel that is named. @throws FileError, ElfError */
export const kernelOf = async ({ btf }: { btf?: string }) =>
  btf === undefined ? {} : { kernel: new KernelTypes(await readBytes(btf)) };

/**
 * Files that are no objects and programs that are refused are both told by their rows; the code tells which.
 * @throws OutcomeError `bad_file` or `verify_failed`
 */
export const checkRefused = (refused: readonly { readonly section: string }[]): void => {
  if (refused.some((row) => row.section === ''))
    throw new OutcomeError('bad_file', 'a file is no eBPF object');
  if (refused.length > 0) throw new OutcomeError('verify_failed', `${refused.length} programs are refused`);
};
