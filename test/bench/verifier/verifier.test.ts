import test from 'ava';
import type { Row } from './measure.ts';
import { drawing, page, verifierMetrics } from './page.ts';
import { sizedProgram } from './programs.ts';

test('a_program_has_the_slots_and_branches_that_were_asked_for', (t) => {
  for (const [slots, branches] of [
    [10, 1],
    [100, 12],
    [4096, 0],
    [4096, 500],
  ] as const) {
    const code = sizedProgram(slots, branches);
    t.is(code.length, slots * 8);
    const conditional = Array.from({ length: slots }, (_, i) => code[i * 8]!).filter(
      (opcode) => opcode === 0x25,
    );
    t.is(conditional.length, branches);
  }
});

const row = (change: Partial<Row>): Row => ({
  name: 'x',
  series: 'size',
  slots: 100,
  branches: 10,
  certificate: 50,
  infer_ms: 1,
  check: 4000,
  ...change,
});
const rows = [
  row({}),
  row({ series: 'branches', check: 7000 }),
  row({ series: 'program', certificate: 0, check: 9000 }),
];

test('a_check_above_the_goal_is_missed', (t) => {
  const metrics = new Map(verifierMetrics(rows).map((metric) => [metric.metric, metric]));
  t.true(metrics.get('check_per_insn_worst_size')!.met);
  t.like(metrics.get('check_per_insn_worst_branches'), { value: 70, met: false });
  t.is(metrics.get('check_without_certificate')!.value, 1);
});

test('page_and_drawing_show_every_row', (t) => {
  const text = page(rows, { qemu: 9, host: 'here' });
  t.is(text.match(/^\| x \|/gm)?.length, rows.length);
  t.regex(text, /\| none \|/);
  t.is(drawing(rows).match(/<circle/g)?.length, 2);
});
