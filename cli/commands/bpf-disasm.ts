import type { Command } from 'commander';
import { disassembleText, loadObject } from '../../ebpf/index.ts';
import type { Context } from '../context.ts';
import { readObject, stemOf } from '../module-file.ts';

/** `velocity bpf disasm FILE` */
export const registerBpfDisasm = (parent: Command, context: Context): void => {
  parent
    .command('disasm')
    .description('show the eBPF instructions of each program of an object')
    .argument('<file>', 'object compiled with clang --target=bpf, or C source')
    .addHelpText('after', '\nExample:\n  velocity bpf disasm modules/fir/fir.c')
    .action(async (file: string) => {
      const { programs } = loadObject(await readObject(file), { name: stemOf(file) });
      for (const { section, name, hook, code } of programs) {
        const text = disassembleText(code, { helperNames: true });
        const lines = text.split('\n').filter((line) => line !== '');
        context.output.fact(
          { section, function: name, hook, insns: code.length / 8, text: lines },
          `; ${section}: ${name}\n${text.trimEnd()}\n`,
        );
      }
    });
};
