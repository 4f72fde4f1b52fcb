import { Argument, type Command } from 'commander';
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

/** What zsh and fish take from a shell function's case: one line a command, its words after it. */
const cases = (
  nodes: readonly Node[],
  pick: (node: Node) => readonly string[],
  line: (path: string, words: string) => string,
) => nodes.map((node) => line(node.path, pick(node).join(' '))).join('\n');

export const zshCompletion = (program: Command): string => {
  const nodes = nodesOf(program);
  const word = (path: string, words: string) => `  '${path}' '${words}'`;
  return `#compdef velocity ${SHORT_NAMES.join(' ')}
# Completion of velocity's commands for zsh: eval "$(velocity completion zsh)", after compinit
typeset -gA _velocity_commands=(
${cases(nodes, ({ commands }) => commands, word)}
)
typeset -gA _velocity_options=(
${cases(nodes, ({ options }) => options, word)}
)
typeset -gA _velocity_values=(
${Object.entries(values)
  .map(([name, words]) => word(name, words.join(' ')))
  .join('\n')}
)
# Words that may stand at the last place of the line given.
_velocity_offered() {
  local name="\${1:t}" cur="\${@[-1]}" last="\${@[-2]}" vpath=velocity part
  [[ $name == velocity-* ]] && vpath="velocity \${name#velocity-}"
  for part in "\${@[2,-2]}"; do
    [[ " \${_velocity_commands[$vpath]} " == *" $part "* ]] && vpath="$vpath $part"
  done
  if [[ $last == --board || $last == --suite ]]; then print -r -- \${_velocity_values[$last]}
  elif [[ $cur == -* ]]; then print -r -- \${_velocity_options[$vpath]}
  else print -r -- \${_velocity_commands[$vpath]}; fi
}
_velocity() {
  local -a found
  found=(\${=$(_velocity_offered "\${words[@]:0:$CURRENT}")})
  if (( $#found )); then compadd -a found; else _files; fi
}
(( $+functions[compdef] )) && compdef _velocity velocity ${SHORT_NAMES.join(' ')}
`;
};

export const fishCompletion = (program: Command): string => {
  const nodes = nodesOf(program);
  const branch = (path: string, words: string) => `    case '${path}'\n      printf '%s\\n' ${words}`;
  return `# Completion of velocity's commands for fish: velocity completion fish | source
function __velocity_commands
  switch "$argv[1]"
${cases(
  nodes.filter(({ commands }) => commands.length > 0),
  ({ commands }) => commands,
  branch,
)}
  end
end
function __velocity_options
  switch "$argv[1]"
${cases(nodes, ({ options }) => options, branch)}
  end
end
function __velocity_values
  switch "$argv[1]"
${Object.entries(values)
  .map(([name, words]) => branch(name, words.join(' ')))
  .join('\n')}
  end
end
function __velocity_offered
  set -l words (commandline -opc)
  set -l name (string replace -r '.*/' '' -- $words[1])
  set -l path velocity
  string match -q 'velocity-*' -- $name; and set path "velocity "(string replace velocity- '' -- $name)
  for word in $words[2..-1]
    contains -- $word (__velocity_commands $path); and set path "$path $word"
  end
  set -l known (__velocity_values $words[-1])
  if test (count $known) -gt 0
    printf '%s\\n' $known
  else if string match -q -- '-*' (commandline -ct)
    __velocity_options $path
  else
    __velocity_commands $path
  end
end
for name in velocity ${SHORT_NAMES.join(' ')}
  complete -c $name -a '(__velocity_offered)'
end
`;
};

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

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `velocity completion`: prints what a shell needs to complete commands, options and names of boards. */
export const registerCompletion = (program: Command, { output }: Context): void => {
  program
    .command('completion')
    .description('print the completion script for a shell')
    .addArgument(new Argument('[shell]', 'whose').choices(Object.keys(shells)).default('bash'))
    .addHelpText('after', '\nExamples:\n  echo \'eval "$(velocity completion)"\' >> ~/.bashrc')
    .addHelpText('after', '  velocity completion fish > ~/.config/fish/completions/velocity.fish')
    .action((shell: keyof typeof shells) => output.raw(shells[shell](program)));
};
