/** Telemetry as a drawing: cycles per call of each module over the run, one SVG that needs nothing else. */
import type { Sample, Start } from '../device.ts';
import { xml } from './junit.ts';

const WIDTH = 760;
const HEIGHT = 180;
const LEFT = 64;
const BOTTOM = 24;
const COLOURS = ['#2563eb', '#d97706', '#059669', '#dc2626', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f'];

export type Point = { readonly ms: number; readonly value: number };

/** Mean cycles of the calls between two samples of one version. */
export const seriesOf = (samples: readonly Sample[]): Map<string, Point[]> => {
  const series = new Map<string, Point[]>();
  const last = new Map<string, Sample['modules'][number]>();
  for (const { ms, modules } of samples) {
    for (const module of modules) {
      const before = last.get(module.name);
      last.set(module.name, module);
      const goesOn = before && before.version === module.version && before.calls < module.calls;
      const [calls, cycles] = goesOn
        ? [module.calls - before.calls, module.cycles - before.cycles]
        : [module.calls, module.cycles];
      if (calls <= 0n || (before && !goesOn && before.version === module.version)) continue;
      const points = series.get(module.name) ?? [];
      points.push({ ms, value: Number(cycles) / Number(calls) });
      series.set(module.name, points);
    }
  }
  return series;
};

const label = (x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end' = 'start') =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${xml(text)}</text>`;

const curve = (
  points: readonly Point[],
  x: (ms: number) => number,
  y: (value: number) => number,
  colour: string,
) => {
  const at = points.map(({ ms, value }) => `${x(ms).toFixed(1)},${y(value).toFixed(1)}`);
  const dots = points.map(
    ({ ms, value }) =>
      `<circle cx="${x(ms).toFixed(1)}" cy="${y(value).toFixed(1)}" r="2" fill="${colour}"/>`,
  );
  return `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>${points.length < 200 ? dots.join('') : ''}`;
};

const legend = (names: readonly string[]) =>
  names
    .map(
      (name, i) => `<tspan fill="${COLOURS[i % COLOURS.length]}">${i > 0 ? '  ' : ''}● ${xml(name)}</tspan>`,
    )
    .join('');

/** Empty when no module was ever sampled. Restarts that nobody asked for are red lines. */
export const telemetryPlot = (samples: readonly Sample[], starts: readonly Start[]): string => {
  const series = [...seriesOf(samples)];
  if (series.length === 0) return '';
  const all = series.flatMap(([, points]) => points);
  const end = Math.max(1, ...samples.map(({ ms }) => ms));
  const top = Math.max(1, ...all.map(({ value }) => value));
  const x = (ms: number) => LEFT + (ms / end) * (WIDTH - LEFT - 8);
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - 28);
  const restarts = starts
    .filter(({ wanted }) => !wanted)
    .map(({ ms }) => `<line class="restart" x1="${x(ms)}" x2="${x(ms)}" y1="24" y2="${HEIGHT - BOTTOM}"/>`);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="cycles per call of each module over the run">`,
    `<line class="axis" x1="${LEFT}" x2="${WIDTH - 8}" y1="${y(0)}" y2="${y(0)}"/><line class="axis" x1="${LEFT}" x2="${LEFT}" y1="24" y2="${y(0)}"/>`,
    label(LEFT - 6, y(top) + 4, top >= 1000 ? `${(top / 1000).toFixed(1)}k` : top.toFixed(0), 'end'),
    label(LEFT - 6, y(0), '0', 'end'),
    label(8, 14, 'cycles per call'),
    label(WIDTH - 8, HEIGHT - 8, `${(end / 1000).toFixed(1)} s`, 'end'),
    `<text x="${WIDTH - 8}" y="14" text-anchor="end">${legend(series.map(([name]) => name))}</text>`,
    ...series.map(([, points], i) => curve(points, x, y, COLOURS[i % COLOURS.length]!)),
    ...restarts,
    '</svg>',
  ].join('');
};
