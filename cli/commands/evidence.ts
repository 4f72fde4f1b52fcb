import type { Command } from 'commander';
import { statusOf } from '../../abi/index.ts';
import type { Response } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../numbers.ts';

type Evidence = Response<'evidence'>;

const NO_INSN = 0xffff_ffff;

const describe = (record: Evidence) => {
  const { name, sentence } = statusOf(record.reason);
  const perCall = record.calls > 0n ? record.cycles / record.calls : 0n;
  const fault =
    record.insn === NO_INSN
      ? ''
      : `\n     fault at instruction ${record.insn}, esr 0x${record.esr.toString(16)}, far 0x${record.far.toString(16)}`;
  const compared = record.baseline > 0n ? `, its predecessor's took ${record.baseline}` : '';
  return `${String(record.id).padStart(3)}  ${record.name} v${record.version}  ${name}: ${sentence}
     ${record.calls} calls of ${perCall} cycles${compared}${fault}`;
};

const registerList = (parent: Command, context: Context) => {
  parent
    .command('list')
    .description('list the versions that the board threw out, with its reasons')
    .addHelpText('after', '\nExample:\n  velocity evidence list --port /dev/ttyUSB0 --json')
    .action(async (_options: object, command: Command) => {
      const records = await withLink(context, boardOptionsOf(command), (link) => link.evidenceAll());
      for (const record of records) {
        const { reason, insn, ...rest } = record;
        const facts = { ...rest, reason: statusOf(reason).name, insn: insn === NO_INSN ? null : insn };
        context.output.fact({ event: 'evidence', ...facts }, describe(record));
      }
      if (records.length === 0) context.output.print('the board keeps no evidence');
    });
};

const registerAck = (parent: Command, context: Context) => {
  parent
    .command('ack')
    .description('release a record, so that the board can use its place again')
    .argument('<id>', 'number of the record', wholeNumber(0))
    .addHelpText('after', '\nExample:\n  velocity evidence ack 3 --port /dev/ttyUSB0')
    .action(async (id: number, _options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), (link) => link.evidenceAck(id));
      context.output.fact({ event: 'acknowledged', id }, `record ${id} is released`);
    });
};

/** `velocity evidence …`: why versions were taken back. */
export const registerEvidence = (program: Command, context: Context): void => {
  const evidence = program.command('evidence').description('read why the board threw versions out');
  registerList(evidence, context);
  registerAck(evidence, context);
};
