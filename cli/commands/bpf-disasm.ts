import type { Command } from 'commander';
import { disassembleObject } from '../../ebpf/index.ts';
import type { Context } from '../context.ts';
import { ofFile, readObject } from '../module-file.ts';

/** `velocity bpf disasm FILE` */
export const registerBpfDisasm = (parent: Command, context: Context): void => {
  parent
    .command('disasm')
    .description('show the eBPF instructions of each program of an object')
    .argument('<file>', 'object compiled with clang --target=bpf, or C source')
    .addHelpText('after', '\nExample:\n  velocity bpf disasm modules/fir/fir.c')
    .action(async (file: string) => {
      const object = await readObject(file);
      const listings = ofFile(file, () => disassembleObject(object, { helperNames: true }));
      for (const { section, function: name, lines } of listings) {
        const text = lines.map((line) => `${String(line.slot).padStart(5)}: ${line.text}`).join('\n');
        context.output.fact({ section, function: name, lines }, `; ${section}: ${name}\n${text}\n`);
      }
    });
};
