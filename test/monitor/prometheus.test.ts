/** The metrics endpoint, read by a strict parser and, where they are installed, by Prometheus and promtool themselves. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { root } from '../../firmware/index.ts';
import { CONTENT_TYPE, emptyState, openMetrics, serve, take, textRoute } from '../../monitor/index.ts';
import { entries } from '../../monitor/test/samples.ts';
import { parseExposition } from './exposition.ts';

const isInstalled = (tool: string) => spawnSync(tool, ['--version']).status === 0;
const withTool = (tool: string) => {
  if (isInstalled(tool)) return test;
  process.stderr.write(
    `test/monitor: ${tool} is not installed (Debian: apt-get install prometheus); its tests are skipped\n`,
  );
  return test.skip;
};

const state = entries.slice(0, 4).reduce(take, emptyState);
const text = openMetrics(state);

const value = (name: string, sample = name, labels: Record<string, string> = {}) =>
  parseExposition(text)
    .get(name)
    ?.samples.find(
      (s) => s.name === sample && Object.entries(labels).every(([key, wanted]) => s.labels[key] === wanted),
    );

test('the exposition is OpenMetrics and tells what was read', (t) => {
  t.is(value('velocity_up')?.value, 1);
  t.is(value('velocity_module_calls', 'velocity_module_calls_total')?.value, 1100);
  t.is(value('velocity_module_rollbacks', 'velocity_module_rollbacks_total', { module: 'fir' })?.value, 1);
  t.is(value('velocity_module_budget_ratio')?.value, 273 / 65536);
  t.is(value('velocity_board', 'velocity_board_info')?.labels.board, 'QEMU "virt"\\\n');
  t.is(value('velocity_core_wakeups', 'velocity_core_wakeups_total', { core: '0' })?.value, 2200);
});

test('the histogram is cumulative and its edges are whole cycles', (t) => {
  const bucket = (le: string) =>
    value('velocity_module_call_cycles', 'velocity_module_call_cycles_bucket', { le })?.value;
  t.deepEqual([bucket('255.0'), bucket('511.0'), bucket('1023.0'), bucket('+Inf')], [0, 1090, 1100, 1100]);
  t.is(value('velocity_module_call_cycles', 'velocity_module_call_cycles_sum')?.value, 1100 * 267);
});

test('a board that is away is down, and shows no figures that are old', (t) => {
  const families = parseExposition(openMetrics(entries.reduce(take, emptyState)));
  t.is(families.get('velocity_up')?.samples[0]?.value, 0);
  t.is(families.get('velocity_module_calls')?.samples.length, 0);
  t.notThrows(() => parseExposition(openMetrics(emptyState)));
});

for (const [what, damaged] of [
  ['no end', text.replace('# EOF\n', '')],
  ['a counter without _total', text.replace('velocity_module_calls_total', 'velocity_module_calls')],
  ['a bucket that shrinks', text.replace(/(le="1023\.0"\}) \d+/, '$1 5')],
  ['a raw quote in a label', text.replace('\\"virt', '"virt')],
  [
    'a unit that the name lacks',
    text.replace('UNIT velocity_module_call_cycles cycles', 'UNIT velocity_module_call_cycles bytes'),
  ],
] as const) {
  test(`the parser of these tests refuses ${what}`, (t) => {
    t.not(damaged, text);
    t.throws(() => parseExposition(damaged));
  });
}

const monitoring = (name: string) => join(root, 'docs/monitoring', name);
const named = (content: string) => new Set(content.match(/velocity_[a-z_]+/g));

test('dashboard and alerts ask only for metrics that exist', (t) => {
  const exposed = named(text);
  for (const file of ['alerts.yml', 'dashboard.json']) {
    t.deepEqual(
      [...named(readFileSync(monitoring(file), 'utf8'))].filter((name) => !exposed.has(name)),
      [],
      file,
    );
  }
});

withTool('promtool')('promtool accepts the alert rules', async (t) => {
  const { stdout } = await promisify(execFile)('promtool', ['check', 'rules', monitoring('alerts.yml')]);
  t.regex(stdout, /SUCCESS: 7 rules found/);
});

const configFor = (target: string) => `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['${monitoring('alerts.yml')}']
scrape_configs: [{job_name: velocity, static_configs: [{targets: ['${target}']}]}]
`;

type Answer = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };

const ask = async (url: string, query: string): Promise<Answer['data']['result']> => {
  try {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
    return response.ok ? ((await response.json()) as Answer).data.result : [];
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

withTool('prometheus')('Prometheus scrapes the endpoint as OpenMetrics', async (t) => {
  const accepted: (string | undefined)[] = [];
  const plain = textRoute(CONTENT_TYPE, () => text);
  const server = await serve(
    { host: '127.0.0.1', port: 0 },
    {
      '/metrics': (request, response) => {
        accepted.push(request.headers.accept);
        plain(request, response);
      },
    },
  );
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, configFor(new URL(server.url).host));
  const url = `http://127.0.0.1:${await freePort()}`;
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`];
  const child = spawn('prometheus', [...flags, `--web.listen-address=${new URL(url).host}`], {
    stdio: 'ignore',
  });
  t.teardown(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    await server.close();
    rmSync(folder, { recursive: true });
  });
  let up = await ask(url, 'up{job="velocity"}');
  for (let tries = 0; tries < 200 && up[0]?.value[1] !== '1'; tries++) {
    await sleep(100);
    up = await ask(url, 'up{job="velocity"}');
  }
  t.is(up[0]?.value[1], '1', 'the scrape failed');
  t.regex(accepted[0] ?? '', /openmetrics/);
  t.like((await ask(url, 'velocity_module_calls_total'))[0], { metric: { module: 'fir' } });
  const [p99] = await ask(url, 'histogram_quantile(0.99, velocity_module_call_cycles_bucket)');
  t.true(Number(p99?.value[1]) > 255 && Number(p99?.value[1]) <= 511);
});
