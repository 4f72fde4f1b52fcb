import type { Command } from 'commander';
import { boards } from '../../boards/index.ts';
import { suiteNames } from '../../rig/index.ts';
import type { Context } from '../context.ts';

const SHORT_NAMES = ['velocity-flash', 'velocity-monitor', 'velocity-rig'];

/** Options whose values are known beforehand. */
const values = { '--board': Object.keys(boards), '--suite': suiteNames };

type Node = {
  readonly path: string;
  readonly commands: readonly string[];
  readonly options: readonly string[];
};

const isHidden = (command: Command) => (command as Command & { _hidden?: boolean })._hidden === true;

/** Every command with what may follow it; `path` is its name with those of its parents. */
const nodesOf = (command: Command, inherited: readonly string[] = [], path = command.name()): Node[] => {
  const own = command.options.filter(({ hidden }) => !hidden).map(({ long, short }) => long ?? short ?? '');
  const options = [...new Set([...own, ...inherited, '--help'])];
  const children = command.commands.filter((child) => !isHidden(child));
  return [
    { path, options, commands: children.map((child) => child.name()) },
    ...children.flatMap((child) =>
      nodesOf(child, command.parent ? inherited : own, `${path} ${child.name()}`),
    ),
  ];
};

const entry = (name: string, words: readonly string[]) => `  ["${name}"]="${words.join(' ')}"`;

export const bashCompletion = (program: Command): string => {
  const nodes = nodesOf(program);
  return `# Completion of velocity's commands for bash: eval "$(velocity completion)"
declare -A _velocity_commands=(
${nodes.map(({ path, commands }) => entry(path, commands)).join('\n')}
)
declare -A _velocity_options=(
${nodes.map(({ path, options }) => entry(path, options)).join('\n')}
)
declare -A _velocity_values=(
${Object.entries(values)
  .map(([name, words]) => entry(name, words))
  .join('\n')}
)
_velocity() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path=velocity words i
  local name="\${COMP_WORDS[0]##*/}" last="\${COMP_WORDS[COMP_CWORD - 1]}"
  case "$name" in velocity-*) path="velocity \${name#velocity-}" ;; esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " \${_velocity_commands["$path"]} " in *" \${COMP_WORDS[i]} "*) path="$path \${COMP_WORDS[i]}" ;; esac
  done
  case "$last" in --board | --suite) words="\${_velocity_values["$last"]}" ;; *)
    case "$cur" in -*) words="\${_velocity_options["$path"]}" ;; *) words="\${_velocity_commands["$path"]}" ;; esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _velocity velocity ${SHORT_NAMES.join(' ')}
`;
};

/** `velocity completion`: prints what a shell needs to complete commands, options and names of boards. */
export const registerCompletion = (program: Command, { output }: Context): void => {
  program
    .command('completion')
    .description('print the completion script for bash')
    .addHelpText('after', '\nExample:\n  echo \'eval "$(velocity completion)"\' >> ~/.bashrc')
    .action(() => output.raw(bashCompletion(program)));
};
