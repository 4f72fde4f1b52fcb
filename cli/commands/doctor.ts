import { basename } from 'node:path';
import type { Command } from 'commander';
import { virtualBoards } from '../../boards/index.ts';
import { findTool, type Tool, tools } from '../../firmware/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import type { Context } from '../context.ts';
import type { Output } from '../output.ts';
import { installHint, installTools, missingTools, toolStates } from '../system-packages.ts';

type Row = { readonly what: string; readonly ok: boolean; readonly detail: string };

const toolRows = (): Row[] =>
  toolStates().map(({ tool, path, note }) => ({
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

const print = (output: Output, row: Row) =>
  output.fact(row, `${row.ok ? 'ok     ' : 'missing'}  ${row.what.padEnd(20)} ${row.detail}`);

/** `velocity doctor`: what is installed, what is missing, how to get it. */
export const registerDoctor = (program: Command, { output }: Context): void => {
  program
    .command('doctor')
    .description('what is installed, what is missing, and how to get it')
    .option('--fix', 'install what is missing')
    .addHelpText('after', '\nExample:\n  velocity doctor --fix')
    .action((options: { fix?: boolean }) => {
      const all = Object.keys(tools) as Tool[];
      if (options.fix) installTools(all, (line) => output.note(line));
      for (const row of [nodeRow(), ...toolRows(), ...boardRows()]) print(output, row);
      process.exitCode = missingTools(all).length > 0 ? 3 : 0;
    });
};
