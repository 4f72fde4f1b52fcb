/** The metrics endpoint, read by a strict parser and, where they are at hand, by Prometheus, its promtool and its Python library. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findPrometheus, type PrometheusTool } from '../../cli/prometheus.ts';
import { root } from '../../firmware/index.ts';
import {
  classicMetrics,
  emptyState,
  type MonitorState,
  metricsRoute,
  openMetrics,
  serve,
  take,
} from '../../monitor/index.ts';
import { entries } from '../../monitor/test/samples.ts';
import { parseExposition } from './exposition.ts';
import { parsedByOthers, whyNoParser } from './parsed.ts';
import { askUntil, RULES, startPrometheus } from './prometheus-server.ts';

const withTool = (tool: PrometheusTool) => {
  if (findPrometheus(tool)) return test;
  process.stderr.write(`test/monitor: ${tool} is not here; its tests are skipped\n`);
  return test.skip;
};

const state = entries.slice(0, 4).reduce(take, emptyState);
const ofOne = (known: MonitorState) => openMetrics(new Map([['/dev/ttyUSB0', known]]));
const boards = new Map([['/dev/ttyUSB0', state]]);
const text = openMetrics(boards);

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
  const families = parseExposition(ofOne(entries.reduce(take, emptyState)));
  t.is(families.get('velocity_up')?.samples[0]?.value, 0);
  t.is(families.get('velocity_module_calls')?.samples.length, 0);
  t.notThrows(() => parseExposition(ofOne(emptyState)));
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

const promtool = (args: readonly string[], input = '') =>
  spawnSync(findPrometheus('promtool')!, args, { input, encoding: 'utf8' });

withTool('promtool')('promtool accepts the alert rules', (t) => {
  const { stdout, stderr } = promtool(['check', 'rules', RULES]);
  t.regex(stdout, /SUCCESS: 7 rules found/, stderr);
});

withTool('promtool')('promtool finds nothing to improve in the older format', (t) => {
  const { status, stdout, stderr } = promtool(['check', 'metrics'], classicMetrics(boards));
  t.is(status, 0, stdout + stderr);
  t.is(stdout + stderr, '');
});

(whyNoParser ? test.skip : test)("Prometheus' own Python parser reads the exposition", (t) => {
  const samples = parsedByOthers(text);
  t.is(samples.length, [...parseExposition(text).values()].flatMap((family) => family.samples).length);
  t.like(
    samples.find(({ name }) => name === 'velocity_module_calls_total'),
    { labels: { module: 'fir', port: '/dev/ttyUSB0' }, value: 1100 },
  );
  t.throws(() => parsedByOthers(text.replace('# EOF\n', '')), { message: /EOF/ });
});

withTool('prometheus')('Prometheus scrapes the endpoint as OpenMetrics', async (t) => {
  t.timeout(300_000);
  const accepted: (string | undefined)[] = [];
  const route = metricsRoute(boards);
  const server = await serve(
    { host: '127.0.0.1', port: 0 },
    {
      '/metrics': (request, response) => {
        accepted.push(request.headers.accept);
        return route(request, response);
      },
    },
  );
  t.teardown(server.close);
  const ask = await startPrometheus(t, new URL(server.url).host);
  const up = await askUntil(ask, 'up{job="velocity"}', ([first]) => first?.value[1] === '1');
  t.is(up[0]?.value[1], '1', 'the scrape failed');
  t.true(accepted[0]?.includes('application/openmetrics-text'), accepted[0]);
  t.like((await ask('velocity_module_calls_total'))[0], { metric: { module: 'fir', port: '/dev/ttyUSB0' } });
  const [p99] = await ask('histogram_quantile(0.99, velocity_module_call_cycles_bucket)');
  t.true(Number(p99?.value[1]) > 255 && Number(p99?.value[1]) <= 511);
});

test('who does not ask for OpenMetrics is told the same in the older format', async (t) => {
  const server = await serve({ host: '127.0.0.1', port: 0 }, { '/metrics': metricsRoute(boards) });
  t.teardown(server.close);
  const answer = await fetch(`${server.url}/metrics`);
  t.is(answer.headers.get('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8');
  const classic = await answer.text();
  t.regex(classic, /^# TYPE velocity_module_calls_total counter\nvelocity_module_calls_total\{.*\} 1100$/m);
  t.notRegex(classic, /# EOF|# UNIT|info$/m);
});
