import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Command, Option } from 'commander';
import type { VelocityLink } from '../../link/index.ts';
import { type Answer, runLine } from '../batch.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { readBytes } from '../module-file.ts';

type RunOptions = { readonly engine: 'jit' | 'interp'; readonly batch: string };

const describe = (answer: Answer) => {
  const id = String(answer.id ?? '?');
  if (answer.ok) return `${id}  r0 ${answer.r0}  ${answer.insns} insns  ${answer.jit_bytes} bytes`;
  const at = answer.error.insn === undefined ? '' : ` at ${answer.error.insn}`;
  return `${id}  ${answer.error.code}${at}: ${answer.error.message}`;
};

/** Iterate at once: lines that are read before somebody listens are lost. */
const linesOf = (path: string) => {
  const input = path === '-' ? process.stdin : createReadStream(path);
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
};

const runBatch = async (
  link: VelocityLink,
  lines: AsyncIterable<string>,
  jit: boolean,
  show: (answer: Answer) => void,
) => {
  for await (const line of lines) {
    if (line.trim() === '') continue;
    show(await runLine(line, ({ code, mem }) => link.runProgram({ jit, code, mem })));
  }
};

/** `velocity bpf run` */
export const registerBpfRun = (parent: Command, context: Context): void => {
  parent
    .command('run')
    .description('run programs on a board: r1 is the address of mem, r2 its length')
    .requiredOption('--batch <file>', 'JSON lines {"id","code","mem"}, code and mem in hex; - reads stdin')
    .addOption(new Option('--engine <engine>', 'how to run them').choices(['jit', 'interp']).default('jit'))
    .addHelpText(
      'after',
      '\nExample:\n  velocity bpf run --board qemu-virt --engine jit --batch programs.jsonl',
    )
    .action(async (options: RunOptions, command: Command) => {
      if (options.batch !== '-') await readBytes(options.batch); // said before a board is started
      let ok = 0;
      let failed = 0;
      const show = (answer: Answer) => {
        if (answer.ok) ok += 1;
        else failed += 1;
        context.output.fact(answer, describe(answer));
      };
      await withLink(context, boardOptionsOf(command), (link) =>
        runBatch(link, linesOf(options.batch), options.engine === 'jit', show),
      );
      context.output.print(`${ok} ran, ${failed} did not`);
    });
};
