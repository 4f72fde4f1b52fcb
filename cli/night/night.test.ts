import test from 'ava';
import { Random } from '../../ebpf/random.ts';
import { nightDrawing, nightPage, nightSentence } from './page.ts';
import type { Night } from './recorded.ts';
import { shiftsOf } from './workload.ts';

test('every_module_changes_once_in_time_for_the_loop_and_in_an_order_that_repeats', (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const shifts = shiftsOf(names, 60, new Random(3));
  t.deepEqual(shifts.map((s) => s.module).sort(), names);
  t.true(shifts.every((s) => s.minute > 0 && s.minute < 48));
  t.deepEqual(shifts, shiftsOf(names, 60, new Random(3)));
});

const proof = { verdict: 'proven', hash: 'abcdef0123456789', queries: 0, ms: 5 };
const about = { module: 'flow' };
const night: Night = {
  minutes: 10,
  ticks: 600_000,
  missed: 0,
  longestGapNs: 1_200_000,
  modules: new Map([['flow', [1, 4, 9].map((minute) => ({ minute, cycles: 100 + minute }))]]),
  moments: [
    { minute: 2, event: { event: 'shift', ...about, minute: 2 } },
    {
      minute: 3,
      event: {
        ...about,
        ...{ event: 'detect', version: 1, rule: 'drift', cyclesPerCall: 104, threshold: 80, calls: 64 },
        reason: '104 cycles per call',
      },
    },
    {
      minute: 5,
      event: {
        ...about,
        ...{ event: 'proposal', proposer: 'rules', note: 'loop-unrolling', candidate: 'ff', slots: 9 },
        ...{ verdict: 'accepted', layer: 'equivalence', code: 'ok', reason: 'equal on all 1 paths', proof },
      },
    },
    {
      minute: 5,
      event: {
        ...about,
        ...{ event: 'swap', version: 2, proposer: 'rules', canary: true, insns: 9, bound: 9n, jit_bytes: 36 },
      },
    },
    {
      minute: 6,
      event: {
        ...about,
        ...{ event: 'promoted', version: 2, reason: 'ok', sentence: '' },
        ...{ cycles_before: 104n, cycles_after: 61n },
      },
    },
  ],
  detectionToSwapMs: [900, 1100, 1000],
  hostLoad: 1.25,
};

test('the_page_explains_every_patch', (t) => {
  const page = nightPage(night, 1000, 1);
  t.regex(
    page,
    /\| 5\.0 \| flow v2 \| 104 cycles per call \| rules: loop-unrolling \| proven: equal on all 1 paths \(`abcdef012345`\) \| stays: 104 → 61 \|/,
  );
  t.regex(page, /\| flow \| 2\.0 \| 101 \| 104 \| 109 \| 1 \|/);
  t.regex(
    nightSentence(night),
    /0 of 600000 ticks missed; detection to swap 1\.0 s \(median of 3, wall time at a load of 1\.3\)/,
  );
});

test('the_drawing_marks_what_changed_and_what_stayed', (t) => {
  const drawing = nightDrawing(night);
  t.is(drawing.match(/stroke="#c33"/g)?.length, 1);
  t.is(drawing.match(/stroke="#2a2"/g)?.length, 1);
  t.regex(drawing, /<polyline points="[\d., ]+"/);
});
