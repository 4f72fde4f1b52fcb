/**
 * Parts of the documents that the code prints. A block stands between `<!-- begin NAME -->` and `<!-- end NAME -->`;
 * `tsx test/documents/write.ts` renews them, a test says when one is stale.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { boards } from '../../boards/index.ts';
import { makeCleanup } from '../../cli/cleanup.ts';
import { loadCommands } from '../../cli/commands/index.ts';
import { exitCodes } from '../../cli/exit-codes.ts';
import { failureOf } from '../../cli/failure.ts';
import { Output } from '../../cli/output.ts';
import { makeProgram } from '../../cli/program.ts';
import { root } from '../../firmware/index.ts';
import { benchReference, causes } from '../../rig/index.ts';
import { commandCases } from '../flash/commands.ts';
import { backends, faults, type Row } from '../flash/faults.ts';
import { attacks } from '../trust/attacks.ts';
import { figureRows } from './figures.ts';

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const boardTable = () =>
  table(
    ['board', 'model', 'SoC', 'cores', 'boots by', 'tried', 'facts'],
    Object.values(boards).map((b) => [
      `[\`${b.name}\`](docs/boards/${b.name}.md)`,
      b.model,
      b.soc,
      `${b.cores} × ${b.cpu}`,
      b.bootPath,
      b.tried,
      b.qemu ? `\`boards/\`, \`test/board/boot.test.ts\`` : '`boards/`',
    ]),
  );

const exitTable = () =>
  table(
    ['code', 'name', 'meaning'],
    Object.entries(exitCodes).map(([name, { code, doc }]) => [String(code), name, doc]),
  );

const attackTable = () =>
  table(
    ['attack', 'refusal'],
    attacks.map(({ name, status }) => [name, `\`${status}\``]),
  );

const figureTable = () => table(['figure', 'here', 'goal', '', 'page'], figureRows());

const leaves = (command: Command): Command[] =>
  command.commands.length === 0
    ? [command]
    : [
        // A group that takes arguments of its own is a command too.
        ...(command.registeredArguments.length > 0 ? [command] : []),
        ...command.commands.flatMap((child) => leaves(child as Command)),
      ];

const nameOf = (command: Command): string =>
  command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();

const helpOf = (command: Command) => {
  let text = '';
  command
    .configureOutput({
      writeOut: (part) => {
        text += part;
      },
      getOutHelpWidth: () => 100,
    })
    .outputHelp();
  return `### \`${nameOf(command)}\`\n\n\`\`\`\n${text.trim()}\n\`\`\``;
};

const commands = await loadCommands();

const commandHelp = () =>
  leaves(makeProgram({ output: new Output(false), cleanup: makeCleanup() }, commands))
    .map(helpOf)
    .join('\n\n');

const benchTable = () => table(['field', 'needed', 'value', 'meaning'], benchReference());

/** As the command ended with it (test/flash/commands.test.ts); with a mark where only the error was tried. */
const exitOf = (way: string, code: string) => {
  const tried = commandCases.find((one) => one.way === way && one.code === code);
  if (tried) return String(tried.exit);
  return `${code === 'works' ? 0 : failureOf(Object.assign(new Error(), { code })).exit} *`;
};

const faultRow = (way: string, { fault, code, says, trial }: Row) => {
  if (code === 'none') return [way, faults[fault], '–', '–', `cannot happen: ${says}`];
  const where = typeof trial === 'function' ? `${faults[fault]}, at any step` : faults[fault];
  if (code === 'works') return [way, where, '–', exitOf(way, code), `works: ${says}`];
  return [way, where, `\`${code}\``, exitOf(way, code), `“… ${says} …”`];
};

/** A row that is tried in several ways that look the same to the user stands once. */
const unlike = (rows: readonly string[][]) => [
  ...new Map(rows.map((row) => [row.join('|'), row] as const)).values(),
];

const faultTable = () =>
  table(
    ['way', 'the device …', 'error', 'exit code', 'the user sees'],
    unlike(backends.flatMap(({ name, rows }) => rows.map((row) => faultRow(name, row)))),
  );

const causeTable = () =>
  table(
    ['cause', 'meaning'],
    Object.entries(causes).map(([code, doc]) => [`\`${code}\``, doc]),
  );

const makers: Readonly<Record<string, () => string>> = {
  attacks: attackTable,
  boards: boardTable,
  'exit-codes': exitTable,
  'bench-file': benchTable,
  causes: causeTable,
  'flash-faults': faultTable,
  commands: commandHelp,
  figures: figureTable,
};

/** Documents with blocks. */
export const documents = [
  'README.md',
  'docs/reference/commands.md',
  'docs/explanation-threats.md',
  'docs/how-to-rig.md',
  'docs/reference/flash-faults.md',
];

const blockOf = (name: string) => new RegExp(`(<!-- begin ${name} -->\n)[\\s\\S]*?(\n<!-- end ${name} -->)`);

/** The text with every block renewed. @throws Error for a block whose name is unknown */
export const renewed = (text: string): string => {
  const names = [...text.matchAll(/<!-- begin ([\w-]+) -->/g)].map((match) => match[1]!);
  return names.reduce((result, name) => {
    const maker = makers[name];
    if (name === 'demo') return result; // recorded, see write.ts
    if (!maker) throw new Error(`no block is named ${name}`);
    return result.replace(blockOf(name), (_, begin: string, end: string) => `${begin}${maker()}${end}`);
  }, text);
};

/** The text with the block of this name replaced. */
export const withBlock = (text: string, name: string, content: string): string =>
  text.replace(blockOf(name), (_, begin: string, end: string) => `${begin}${content}${end}`);

export const readDocument = (path: string): string => readFileSync(join(root, path), 'utf8');

export const staleDocuments = (): string[] =>
  documents.filter((path) => renewed(readDocument(path)) !== readDocument(path));
