/** The check's cost over program size and over branches, as one SVG that needs nothing else. */

export type Series = {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly (readonly [number, number])[];
};

const WIDTH = 720;
const HEIGHT = 240;
const LEFT = 50;
const BOTTOM = 34;
const GAP = 60;

const panelWidth = (count: number) => (WIDTH - LEFT - GAP * (count - 1) - 10) / count;

const panel = (series: Series, left: number, width: number, top: number, goal: number): string => {
  const most = Math.max(...series.points.map(([x]) => x));
  const x = (value: number) => (left + (value / most) * width).toFixed(1);
  const y = (value: number) => (HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - 24)).toFixed(1);
  const line = series.points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ');
  const ticks = [0, top / 2, top].map(
    (value) => `<text x="${left - 6}" y="${y(value)}" text-anchor="end" dy="4">${Math.round(value)}</text>`,
  );
  return [
    `<text x="${left}" y="14">${series.title}</text>`,
    `<line x1="${left}" y1="${y(goal)}" x2="${left + width}" y2="${y(goal)}" stroke="#c33" stroke-dasharray="5 4"/>`,
    `<polyline points="${line}" fill="none" stroke="#27c" stroke-width="2"/>`,
    ...series.points.map(([px, py]) => `<circle cx="${x(px)}" cy="${y(py)}" r="3" fill="#27c"/>`),
    `<path d="M${left} 24V${HEIGHT - BOTTOM}H${left + width}" fill="none" stroke="#888"/>`,
    ...ticks,
    ...[0, most / 2, most].map(
      (value) => `<text x="${x(value)}" y="${HEIGHT - 18}" text-anchor="middle">${Math.round(value)}</text>`,
    ),
    `<text x="${left + width / 2}" y="${HEIGHT - 3}" text-anchor="middle">${series.unit}</text>`,
  ].join('\n');
};

/** All panels from 0 up, on one scale; the dashed line is the goal. */
export const plot = (all: readonly Series[], goal: number): string => {
  const width = panelWidth(all.length);
  const top = Math.ceil((Math.max(goal, ...all.flatMap((s) => s.points.map(([, y]) => y))) * 1.15) / 20) * 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#888">`,
    ...all.map((series, i) => panel(series, LEFT + i * (width + GAP), width, top, goal)),
    '</svg>\n',
  ].join('\n');
};
