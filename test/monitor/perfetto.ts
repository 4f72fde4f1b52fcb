/** Traces, read by what Perfetto ships: its description of the format, and its trace_processor where there is one. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peersPython, whyNoPeers } from '../../cli/python-peers.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { root } from '../../firmware/index.ts';

export const whyNoPerfetto = whyNoPeers('perfetto');

/** Perfetto's package downloads it when it is first used; a test does not. */
const PROCESSOR = process.env.VELOCITY_TRACE_PROCESSOR ?? 'trace_processor_shell';

export const traceProcessor = spawnSync(PROCESSOR, ['--version']).status === 0 ? PROCESSOR : undefined;

type Placed = { readonly process: string; readonly track: string; readonly name: string };

export type ReadTrace = {
  readonly processes: readonly string[];
  readonly slices: readonly (Placed & { readonly ns: number })[];
  readonly instants: readonly Placed[];
  /** How many values each has, by `process / track`. */
  readonly counters: Readonly<Record<string, number>>;
};

/** @throws Error with what is wrong with the trace */
export const readTrace = (path: string): ReadTrace => {
  const { status, stdout, stderr } = spawnSync(peersPython(), [join(root, 'test/monitor/read_perfetto.py')], {
    input: readFileSync(path),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ReadTrace;
};

/** What trace_processor answers to a query, as it prints it. @throws Error with its words */
export const askProcessor = (path: string, sql: string): string => {
  const query = join(temporaryFolder(), 'query.sql');
  writeFileSync(query, sql);
  const { status, stdout, stderr } = spawnSync(PROCESSOR, ['-q', query, path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
};
