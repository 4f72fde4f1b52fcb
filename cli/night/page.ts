/** The page that `velocity evolve night --write` writes, and its drawing. */
import { availableParallelism } from 'node:os';
import type { LoopEvent } from '../../evolve/index.ts';
import type { Moment, Night, Point } from './recorded.ts';

const WIDTH = 720;
const COLUMNS = 2;
const PANEL = { width: 310, height: 96, left: 44, top: 22, gapX: 54, gapY: 44 } as const;

/** Most points drawn of a module: enough for this width. */
const DRAWN = 240;

const thinned = (points: readonly Point[]): readonly Point[] => {
  const step = Math.max(1, Math.ceil(points.length / DRAWN));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
};

const of = (moments: readonly Moment[], module: string, event: string) =>
  moments.filter((m) => m.event.event === event && m.event.module === module);

const panel = (night: Night, module: string, index: number): string => {
  const left = PANEL.left + (index % COLUMNS) * (PANEL.width + PANEL.gapX);
  const top = PANEL.top + Math.floor(index / COLUMNS) * (PANEL.height + PANEL.gapY);
  const points = thinned(night.modules.get(module)!);
  const most = Math.max(1, ...points.map((p) => p.cycles)) * 1.1;
  const x = (minute: number) => (left + (minute / night.minutes) * PANEL.width).toFixed(1);
  const y = (cycles: number) => (top + PANEL.height - (cycles / most) * PANEL.height).toFixed(1);
  const line = (minute: number, colour: string) =>
    `<line x1="${x(minute)}" x2="${x(minute)}" y1="${top}" y2="${top + PANEL.height}" stroke="${colour}" stroke-dasharray="4 3"/>`;
  const bottom = top + PANEL.height;
  return [
    `<text x="${left}" y="${top - 6}">${module}: cycles a call</text>`,
    ...of(night.moments, module, 'shift').map((m) => line(m.minute, '#c33')),
    ...of(night.moments, module, 'promoted').map((m) => line(m.minute, '#2a2')),
    `<polyline points="${points.map((p) => `${x(p.minute)},${y(p.cycles)}`).join(' ')}" fill="none" stroke="#27c" stroke-width="1.5"/>`,
    `<path d="M${left} ${top}V${bottom}H${left + PANEL.width}" fill="none" stroke="#888"/>`,
    `<text x="${left - 5}" y="${y(most / 1.1)}" text-anchor="end" dy="4">${Math.round(most / 1.1)}</text>`,
    `<text x="${left - 5}" y="${bottom}" text-anchor="end">0</text>`,
    `<text x="${left + PANEL.width}" y="${bottom + 14}" text-anchor="end">${Math.round(night.minutes)} min</text>`,
  ].join('\n');
};

export const nightDrawing = (night: Night): string => {
  const modules = [...night.modules.keys()];
  const rows = Math.ceil(modules.length / COLUMNS);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${rows * (PANEL.height + PANEL.gapY) + PANEL.top}" font-family="sans-serif" font-size="11" fill="#888">`,
    ...modules.map((module, i) => panel(night, module, i)),
    '</svg>\n',
  ].join('\n');
};

const mean = (points: readonly Point[]) =>
  points.length === 0
    ? '–'
    : Math.round(points.reduce((sum, p) => sum + p.cycles, 0) / points.length).toString();

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** Before its work changed, after that and before the first patch, and after the last one. */
const moduleRow = (night: Night, module: string): string[] => {
  const points = night.modules.get(module)!;
  const shift = of(night.moments, module, 'shift')[0]?.minute ?? Number.POSITIVE_INFINITY;
  const patches = of(night.moments, module, 'promoted');
  const [first, last] = [patches[0]?.minute ?? shift, patches.at(-1)?.minute ?? shift];
  const isBusy = (p: Point) => p.minute > shift && p.minute <= Math.max(first, shift + 1);
  return [
    module,
    Number.isFinite(shift) ? shift.toFixed(1) : '–',
    mean(points.filter((p) => p.minute <= shift)),
    mean(points.filter(isBusy)),
    mean(points.filter((p) => p.minute > last)),
    `${patches.length}`,
  ];
};

type Event<K extends LoopEvent['event']> = LoopEvent & { readonly event: K };

/** Each canary with the proposal that it came from, the detection before it, and what became of it. */
const patchRows = (night: Night): string[][] =>
  night.moments.flatMap(({ minute, event }, at) => {
    if (event.event !== 'swap') return [];
    const earlier = night.moments.slice(0, at).map((m) => m.event);
    const proposal = earlier.findLast(
      (e): e is Event<'proposal'> => e.event === 'proposal' && e.module === event.module,
    );
    const detection = earlier.findLast(
      (e): e is Event<'detect'> => e.event === 'detect' && e.module === event.module,
    );
    const verdict = night.moments
      .slice(at)
      .map((m) => m.event)
      .find((e) => (e.event === 'promoted' || e.event === 'rollback') && e.module === event.module) as
      | Event<'promoted' | 'rollback'>
      | undefined;
    const cycles = verdict && `${verdict.cycles_before} → ${verdict.cycles_after}`;
    return [
      [
        minute.toFixed(1),
        `${event.module} v${event.version}`,
        detection?.reason ?? '–',
        `${event.proposer}: ${proposal?.note ?? ''}`,
        `${proposal?.proof?.verdict ?? '–'}: ${proposal?.reason ?? ''} (\`${proposal?.proof?.hash.slice(0, 12) ?? ''}\`)`,
        verdict ? `${verdict.event === 'promoted' ? 'stays' : 'taken back'}: ${cycles}` : 'unwatched',
      ],
    ];
  });

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export const nightSentence = (night: Night): string => {
  const count = (event: string) => night.moments.filter((m) => m.event.event === event).length;
  return `${night.minutes.toFixed(1)} min of board time: ${count('shift')} shifts, ${count('detect')} detections, ${count('swap')} canaries, ${count('promoted')} stayed, ${count('rollback')} taken back; ${night.missed} of ${night.ticks} ticks missed; detection to swap ${(median(night.detectionToSwapMs) / 1000).toFixed(1)} s (median of ${night.detectionToSwapMs.length}, wall time at a load of ${night.hostLoad.toFixed(1)})`;
};

export const nightPage = (night: Night, periodUs: number, seed: number): string => {
  const refused = night.moments.filter((m) => m.event.event === 'proposal' && m.event.verdict === 'refused');
  return `<!-- Written by \`velocity evolve night --write\`; do not edit. -->
# A recorded night

Eight modules (\`cli/night/modules.c\`) on the emulated board, all called every ${periodUs / 1000} ms. One after the other, in an order drawn with seed ${seed}, what their sensors send changes, so that each call costs more. The loop watches all of them, works on the one that takes most of the board's cycles first, and pushes what it can prove. Nobody helps it.

${nightSentence(night)}. The longest time between two ticks was ${(night.longestGapNs / 1e6).toFixed(3)} ms. Cycles are executed instructions (QEMU \`-icount shift=0\`), board time is emulated time; wall time depends on the host and what else it does: the load is that of this host, ${availableParallelism()} processors, which the emulator shares.

![Cycles a call of each module over the night](night.svg)

Red: what the module is fed changes. Green: a patch stays.

## Modules

Cycles a call, means.

${table(
  ['module', 'changed at, min', 'before', 'changed', 'after the last patch', 'patches'],
  [...night.modules.keys()].map((m) => moduleRow(night, m)),
)}

## Every patch

${table(['min', 'module', 'detected', 'proposed by', 'proof', 'on the board, cycles a call'], patchRows(night))}

Proposals that were refused on the host: ${refused.length}.
`;
};
