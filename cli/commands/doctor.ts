import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { boardGuide, boardNamed, type Guide, virtualBoards } from '../../boards/index.ts';
import { findTool, type Manifest, paths, tools } from '../../firmware/index.ts';
import type { VelocityLink } from '../../link/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import type { Output } from '../output.ts';
import { installHint, installTools, missingTools, toolStates, usedTools } from '../system-packages.ts';

type Row = { readonly what: string; readonly ok: boolean; readonly detail: string };

const toolRows = (): Row[] =>
  toolStates(usedTools()).map(({ tool, path, note }) => ({
    what: basename(tools[tool].names[0]),
    ok: path !== undefined,
    detail: path ? `${path}${note ? ` (${note})` : ''}` : `missing; ${installHint([tool])}`,
  }));

const boardRows = (): Row[] =>
  virtualBoards.map((board) => {
    const reason = unavailableReason(board, findTool('qemu'));
    return { what: `virtual ${board.name}`, ok: reason === undefined, detail: reason ?? 'can be emulated' };
  });

const nodeRow = (): Row => ({ what: 'node', ok: true, detail: process.version });

/** What the board measures of itself, beside what this build would measure. */
const imageRow = async (link: VelocityLink): Promise<Row> => {
  const { build } = await link.info();
  const { root } = await link.measured();
  const what = 'image of the board';
  const own = existsSync(paths.manifest)
    ? (JSON.parse(readFileSync(paths.manifest, 'utf8')) as Manifest)
    : undefined;
  if (own?.build !== build)
    return { what, ok: true, detail: `build ${build}, of which nothing is known here` };
  const same = own.measured.root === Buffer.from(root).toString('hex');
  const detail = same
    ? `build ${build}, measured as built`
    : `build ${build}, but measured otherwise: another policy or key, or damage; flash it again`;
  return { what, ok: same, detail };
};

const print = (output: Output, row: Row) =>
  output.fact(
    row,
    `${row.ok ? 'ok     ' : row.what === 'image of the board' ? 'differs' : 'missing'}  ${row.what.padEnd(20)} ${row.detail}`,
  );

const heading = (text: string) => `\n${text}\n${'-'.repeat(text.length)}`;

const printGuide = (output: Output, guide: Guide) => {
  const lines = [
    guide.title.replaceAll('`', ''),
    guide.tried,
    ...guide.sections.flatMap(({ title, lines }) => [heading(title), ...lines.map((line) => `- ${line}`)]),
    heading('What is seen, from power-on'),
    ...guide.stages.map((s) => `- ${s.seen}\n    ${s.means}\n    ends here: ${s.ifItEndsHere}`),
    heading('What to report when it stops'),
    ...guide.report.map((line) => `- ${line}`),
  ];
  output.fact(guide, lines.join('\n'));
};

/** `velocity doctor`: what is installed, what is missing, how to get it. */
export const registerDoctor = (program: Command, context: Context): void => {
  const { output } = context;
  program
    .command('doctor')
    .description('what is installed, what is missing, and how to get it')
    .option('--fix', 'install what is missing')
    .addHelpText(
      'after',
      '\nExamples:\n  velocity doctor --fix\n  velocity doctor --board rpi4b          how to wire it, what is seen when it starts\n  velocity doctor --port /dev/ttyUSB0    also: does the board run this build, unchanged? If not: exit code 9',
    )
    .action(async (options: { fix?: boolean }, command: Command) => {
      const all = usedTools();
      if (options.fix) installTools(all, (line) => output.note(line));
      const at = boardOptionsOf(command);
      if (at.board) {
        printGuide(output, boardGuide(boardNamed(at.board)));
        return;
      }
      for (const row of [nodeRow(), ...toolRows(), ...boardRows()]) print(output, row);
      process.exitCode = missingTools(all).length > 0 ? 3 : 0;
      if (!at.port) return;
      const row = await withLink(context, at, imageRow);
      print(output, row);
      if (!row.ok)
        throw new OutcomeError('verify_failed', 'the board runs something else than what was built');
    });
};
