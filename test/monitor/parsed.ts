/** Expositions, read by the parser of Prometheus' own Python library. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { peersPython, whyNoPeers } from '../../cli/python-peers.ts';
import { root } from '../../firmware/index.ts';

export const whyNoParser = whyNoPeers('prometheus_client');

export type ParsedSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** @throws Error with what the parser objects to */
export const parsedByOthers = (text: string): readonly ParsedSample[] => {
  const script = join(root, 'test/monitor/parse_openmetrics.py');
  const { status, stdout, stderr } = spawnSync(peersPython(), [script], { input: text, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ParsedSample[];
};
