/** Which part may depend on which: the tables of the design, and the check that the code keeps to them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from '../../firmware/index.ts';

type Rules = Readonly<Record<string, readonly string[]>>;

const anything = ['*'];

/** TypeScript: top folder → folders (or single files) it may import from. Tests may import anything. */
export const importRules: Rules = {
  abi: [],
  boards: ['abi'],
  firmware: ['abi', 'boards'],
  flasher: ['abi', 'boards'],
  link: ['abi'],
  monitor: ['abi', 'link', 'firmware/folder.ts'],
  ebpf: ['abi', 'firmware/toolchain.ts', 'firmware/paths.ts', 'firmware/lock.ts'],
  models: ['abi', 'ebpf', 'firmware/folder.ts', 'firmware/write.ts'],
  evolve: [
    'abi',
    'ebpf',
    'link',
    'models',
    'firmware/sign.ts',
    'firmware/folder.ts',
    'firmware/lock.ts',
    'firmware/write.ts',
  ],
  rig: ['abi', 'boards', 'flasher', 'link', 'ebpf', 'firmware/lock-file.ts', 'firmware/write.ts'],
  cli: anything,
  test: anything,
};

/** C: part of the kernel → parts it may include. The longest matching prefix counts; every part may include itself. */
export const includeRules: Rules = {
  lib: ['gen'],
  neon: ['gen', 'lib'],
  gen: ['gen', 'lib'],
  bpf: ['lib', 'gen'],
  'bpf/verifier': ['lib', 'gen', 'bpf/program.h'],
  'bpf/checker': ['lib', 'gen', 'bpf/program.h', 'bpf/verifier'],
  'bpf/jit': ['lib', 'gen', 'bpf/program.h'],
  'bpf/interp': ['lib', 'gen', 'bpf/program.h'],
  mm: ['lib', 'gen'],
  irq: ['lib', 'gen', 'mm'],
  smp: ['lib', 'gen', 'mm', 'irq'],
  drivers: ['lib', 'gen', 'mm', 'irq', 'smp'],
  telemetry: ['lib', 'gen', 'smp', 'drivers/clock.h', 'mm/layout.h'],
  'bpf/maps': ['lib', 'gen', 'bpf', 'telemetry', 'smp', 'mm'],
  'bpf/helpers': ['lib', 'gen', 'bpf', 'telemetry', 'smp', 'drivers/clock.h'],
  trust: ['lib', 'gen', 'drivers/clock.h'],
  update: ['lib', 'gen', 'mm', 'drivers', 'trust'],
  patch: ['bpf', 'neon', 'smp', 'telemetry', 'lib', 'gen', 'mm', 'drivers', 'trust', 'update'],
  link: ['drivers', 'telemetry', 'patch', 'lib', 'gen', 'smp', 'mm', 'trust', 'update'],
  boot: anything,
};

export type Violation = { readonly file: string; readonly imports: string };

const filesUnder = (folder: string, extension: RegExp): string[] =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((path) => extension.test(path) && !path.includes('node_modules'))
    .map((path) => join(folder, path));

const within = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}/`);

const allows = (allowed: readonly string[], target: string) =>
  allowed.some((prefix) => prefix === '*' || within(target, prefix));

const tsImports = (text: string) =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1]!);

/** Sources of a top folder; tests are none. */
export const sourcesOf = (folder: string): string[] => filesUnder(folder, /(?<!\.test)\.ts$/);

/** Imports across folders that the rules do not allow. */
export const importViolations = (rules: Rules = importRules): Violation[] =>
  Object.entries(rules).flatMap(([folder, allowed]) =>
    sourcesOf(folder).flatMap((file) =>
      tsImports(readFileSync(join(root, file), 'utf8'))
        .map((path) => normalize(join(dirname(file), path)))
        .filter((target) => !within(target, folder) && !allows(allowed, target))
        .map((imports) => ({ file, imports })),
    ),
  );

const isKernelTest = (path: string) => /(^|\/)test\//.test(path);

const partOf = (path: string, rules: Rules) =>
  Object.keys(rules)
    .filter((part) => within(path, part))
    .sort((a, b) => b.length - a.length)[0];

const includes = (text: string) =>
  [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map((match) => match[1]!);

/** Includes across parts of the kernel that the rules do not allow. */
export const includeViolations = (rules: Rules = includeRules): Violation[] =>
  filesUnder('kernel-aarch64', /\.[chS]$/)
    .map((path) => path.slice('kernel-aarch64/'.length))
    .filter((path) => !isKernelTest(path))
    .flatMap((file) => {
      const part = partOf(file, rules);
      return includes(readFileSync(join(root, 'kernel-aarch64', file), 'utf8'))
        .filter((target) => !part || (!within(target, part) && !allows(rules[part]!, target)))
        .map((imports) => ({ file, imports }));
    });

/** Cycles between TypeScript files, each as the list of files around it. */
export const importCycles = (): string[][] => {
  const graph = new Map(
    Object.keys(importRules)
      .flatMap((folder) => filesUnder(folder, /\.ts$/))
      .map((file) => [file, runtimeImports(file)]),
  );
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[][] = [];
  const visit = (file: string, path: string[]) => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') return void cycles.push([...path.slice(path.indexOf(file)), file]);
    state.set(file, 'open');
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
};

const runtimeImports = (file: string) => {
  const text = readFileSync(join(root, file), 'utf8').replace(
    /import type[^;]+;|export type[^;]+from[^;]+;/g,
    '',
  );
  return tsImports(text).map((path) => normalize(join(dirname(file), path)));
};
