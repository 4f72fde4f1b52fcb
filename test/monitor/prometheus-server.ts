/** A Prometheus of a test's own, which scrapes one target with the rules that ship with the documents. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { findPrometheus } from '../../cli/prometheus.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { root } from '../../firmware/index.ts';
import { serve } from '../../monitor/index.ts';

export const RULES = join(root, 'docs/monitoring/alerts.yml');

const configFor = (target: string) => `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['${RULES}']
scrape_configs: [{job_name: velocity, static_configs: [{targets: ['${target}']}]}]
`;

export type Found = { readonly metric: Record<string, string>; readonly value: [number, string] };

/** What a query in PromQL finds. */
export type Ask = (query: string) => Promise<readonly Found[]>;

const askAt =
  (url: string): Ask =>
  async (query) => {
    try {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
      if (!response.ok) return [];
      return ((await response.json()) as { data: { result: Found[] } }).data.result;
    } catch {
      return []; // not up yet
    }
  };

/** A port that was free a moment ago. */
const freePort = async () => {
  const server = await serve({ host: '127.0.0.1', port: 0 }, {});
  await server.close();
  return Number(new URL(server.url).port);
};

/** Ends with the test. */
export const startPrometheus = async (t: ExecutionContext, target: string): Promise<Ask> => {
  const folder = temporaryFolder();
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, configFor(target));
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`];
  const child = spawn(findPrometheus('prometheus')!, [...flags, `--web.listen-address=${address}`], {
    stdio: 'ignore',
  });
  t.teardown(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  });
  return askAt(`http://${address}`);
};

const PATIENCE = 1200;
const PAUSE_MS = 100;

/** Asks until there is an answer that will do; the last one in any case. */
export const askUntil = async (ask: Ask, query: string, enough: (found: readonly Found[]) => boolean) => {
  for (let tries = 1; ; tries += 1) {
    const found = await ask(query);
    if (enough(found) || tries === PATIENCE) return found;
    await sleep(PAUSE_MS);
  }
};
