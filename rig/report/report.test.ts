import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { peersPython, whyNoPeers } from '../../cli/python-peers.ts';
import { withoutRoom } from '../../cli/test/no-room.ts';
import { root } from '../../firmware/index.ts';
import { htmlReport } from './html.ts';
import { junitReport } from './junit.ts';
import { peopleLines } from './people.ts';
import { seriesOf } from './plot.ts';
import type { RigEvent, Run, RunStarted, TestRecord } from './record.ts';
import { summaryOf } from './summary.ts';
import { tapReport } from './tap.ts';

const start: RunStarted = {
  event: 'run',
  version: '0.1.0',
  time: '2026-01-01T00:00:00.000Z',
  bench: 'lab.yaml',
  folder: '/tmp/r',
  suites: ['boot'],
  boards: [
    { name: 'a', board: 'rpi4b', kind: 'real' },
    { name: 'b', board: 'qemu-virt', kind: 'emulated' },
  ],
};

const ran = (board: string, name: string, more: Partial<TestRecord>): TestRecord => ({
  event: 'test',
  board,
  suite: 'boot',
  test: name,
  outcome: 'passed',
  ms: 100,
  attempts: [{ ms: 100, passed: true }],
  log: [],
  ...more,
});

const lineCause = { code: 'line_loses_bytes', sentence: 'loses <bytes> & "more"', advice: 'solder' } as const;
const module = {
  name: 'fir',
  version: 1,
  time_ns: 1n,
  calls: 10n,
  cycles: 2000n,
  min: 1n,
  max: 9n,
  last_result: 0n,
};

const events: RigEvent[] = [
  start,
  { event: 'phase', board: 'a', phase: 'boot', passed: true, ms: 5, detail: 'up' },
  ran('a', 'one', {}),
  ran('a', 'two', {
    attempts: [
      { ms: 1, passed: false, message: 'noise' },
      { ms: 2, passed: true },
    ],
    retried: 'lines are noisy',
  }),
  ran('a', 'three', {
    outcome: 'failed',
    attempts: [{ ms: 1, passed: false, message: 'm' }],
    cause: { code: 'no_answer', sentence: 'late' },
  }),
  ran('a', 'four', {
    outcome: 'failed',
    attempts: [{ ms: 1, passed: false, message: 'm' }],
    cause: lineCause,
  }),
  ran('a', 'five', { outcome: 'skipped', attempts: [], why: 'not reached' }),
  {
    event: 'board_end',
    board: 'a',
    model: 'Raspberry Pi 4 Model B Rev 1.4',
    build: '<plaintext>',
    console: 'x',
    starts: [
      { ms: 0, wanted: true },
      { ms: 700, wanted: false },
    ],
    samples: [
      { ms: 100, modules: [module] },
      { ms: 900, modules: [{ ...module, calls: 20n, cycles: 3000n }] },
    ],
    crash: 'data abort <here>',
    link: { messages: 4000, frames_damaged: 2 },
  },
  {
    event: 'phase',
    board: 'b',
    phase: 'boot',
    passed: false,
    ms: 5,
    detail: 'failed',
    cause: { code: 'hangs_at_boot', sentence: 'hangs in slots_init' },
  },
];

const run: Run = {
  start,
  events,
  summary: summaryOf(events, ['a', 'b'], 1234),
  consoles: { a: '    0.001  boot \u0007 <text>\n', b: '' },
};

test('a_summary_counts_and_names_the_cause_behind_the_others', (t) => {
  const { ok, passed, failed, skipped, retried, verdicts } = run.summary;
  t.deepEqual(
    { ok, passed, failed, skipped, retried },
    { ok: false, passed: 2, failed: 3, skipped: 1, retried: 1 },
  );
  t.is(verdicts[0]!.cause?.code, 'line_loses_bytes');
  t.is(verdicts[1]!.cause?.code, 'hangs_at_boot');
});

test('a_board_of_which_nothing_was_tested_is_not_well', (t) => {
  t.false(summaryOf([], ['a'], 0).ok);
});

test('tap_has_a_point_for_each_phase_and_test', (t) => {
  const lines = tapReport(run).split('\n');
  t.is(lines[1], '1..7');
  t.is(lines.filter((line) => /^(not )?ok \d+ - /.test(line)).length, 7);
  t.is(lines.filter((line) => line.startsWith('not ok')).length, 3);
  t.true(lines.some((line) => line.endsWith('boot: five # SKIP not reached')));
});

test('junit_holds_failures_with_their_cause_and_what_passed_at_a_later_try', (t) => {
  const text = junitReport(run);
  t.true(text.includes('tests="7" failures="3"'));
  t.true(
    text.includes('<failure type="line_loses_bytes" message="loses &lt;bytes&gt; &amp; &quot;more&quot;">'),
  );
  t.true(text.includes('<flakyFailure type="failed" message="noise">'));
  t.true(text.includes('<skipped message="not reached"/>'));
  t.false(text.includes('\u0007'), 'XML cannot hold control characters');
});

(spawnSync('prove', ['--version']).status === 0 ? test : test.skip)(
  "tap_is_understood_by_perl's_own_harness",
  (t) => {
    const file = join(mkdtempSync(join(tmpdir(), 'velocity-test-')), 'report.tap');
    t.teardown(() => rmSync(dirname(file), { recursive: true }));
    writeFileSync(file, tapReport(run));
    const { stdout, stderr } = spawnSync('prove', ['-e', 'cat', file], { encoding: 'utf8' });
    t.regex(stdout, /Failed tests: +4-5, 7\n/, stdout + stderr);
    t.regex(stdout, /Tests=7/);
    t.notRegex(stdout, /Parse errors/);
  },
);

(whyNoPeers('junitparser') ? test.skip : test)('junit_is_understood_by_a_parser_of_others', (t) => {
  const script = join(root, 'test/rig/read_junit.py');
  const { stdout, stderr } = spawnSync(peersPython(), [script], {
    input: junitReport(run),
    encoding: 'utf8',
  });
  const found = JSON.parse(stdout || JSON.stringify(stderr)) as Record<string, unknown>;
  t.like(found, { tests: 7, failures: 3, skipped: 1 });
  t.deepEqual(found.failed, [
    ['a.boot three', 'no_answer', 'late'],
    ['a.boot four', 'line_loses_bytes', 'loses <bytes> & "more"'],
    ['b.start boot', 'hangs_at_boot', 'hangs in slots_init'],
  ]);
  t.deepEqual(found.tried_again, [['a.boot two', 'noise']]);
});

test('the_page_needs_no_network_and_shows_console_plot_and_crash', (t) => {
  const page = htmlReport(run);
  t.notRegex(page, /(src|href)="(?!#)/);
  t.notRegex(page, /<script|@import|url\(/);
  for (const part of [
    'messages 4,000, frames damaged 2',
    'data abort &lt;here&gt;',
    'build <code>&lt;plaintext&gt;</code>',
    '<svg',
    'restarted by itself 1 times',
    'hangs in slots_init',
    'boot \ufffd &lt;text&gt;',
  ]) {
    t.true(page.includes(part), part);
  }
});

test('a_plot_has_the_cycles_of_the_calls_between_two_samples', (t) => {
  const end = events.find((event) => event.event === 'board_end')!;
  t.deepEqual(seriesOf(end.samples).get('fir'), [
    { ms: 100, value: 200 },
    { ms: 900, value: 100 },
  ]);
});

test('people_are_told_of_every_try', (t) => {
  const text = events.flatMap(peopleLines).join('\n');
  t.regex(text, /tried 2 times \(lines are noisy\)/);
  t.regex(text, /1\. failed: noise/);
  t.regex(text, /cause {3}line_loses_bytes: /);
});

test('a_report_that_finds_no_room_is_named_and_there_is_no_half_of_it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const long = { ...run, start: { ...run.start, folder }, consoles: { a: 'x'.repeat(1 << 21) } };
  const path = join(folder, 'run.json');
  writeFileSync(
    path,
    JSON.stringify(long, (_key, value) => (typeof value === 'bigint' ? Number(value) : value)),
  );
  const program = `
    import { readFileSync } from 'node:fs';
    import { writeReports } from '${new URL('index.ts', import.meta.url).href}';
    try {
      writeReports(JSON.parse(readFileSync('${path}', 'utf8')));
    } catch ({ message }) {
      console.log(message);
    }`;
  t.deepEqual(withoutRoom(program), [`${join(folder, 'report.html')}: EFBIG: file too large, write`]);
  t.deepEqual(readdirSync(folder), ['run.json']);
});
