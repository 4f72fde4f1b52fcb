/** Each interval's histogram as a column: darker where more of its calls were. Rows are powers of two. */
import { LEFT, scales, timeAxis } from './chart.mjs';
import { clock, count, element, svg } from './text.mjs';

const HEIGHT = 180;
const TOP = 8;
const BOTTOM = 22;

const columnsOf = (points, name) =>
  points
    .map((point) => ({ t: point.t, bins: point.modules.find((m) => m.name === name)?.histogram ?? [] }))
    .map((column) => ({ ...column, total: column.bins.reduce((sum, n) => sum + n, 0) }))
    .filter(({ total }) => total > 0);

/** The bins in use and one beyond on each side. */
const rowsOf = (columns) => {
  const used = columns.flatMap(({ bins }) => bins.flatMap((n, bin) => (n > 0 ? [bin] : [])));
  const [least, most] = [Math.min(...used), Math.max(...used)];
  return { first: Math.max(0, least - 2), last: Math.min(31, most + 2) };
};

/** Rare calls must not vanish beside common ones: a thousandth of the calls has a quarter of the colour. */
const shade = (share) => (share <= 0 ? 0 : Math.max(0.15, 1 + Math.log10(share) / 4));

const note = (columns, cursor) => {
  const column = columns.reduce(
    (best, each) => (Math.abs(each.t - cursor) < Math.abs(best.t - cursor) ? each : best),
    columns.at(-1),
  );
  const parts = column.bins.flatMap((n, bin) =>
    n > 0 ? [`${count(2 ** bin)}–${count(2 ** (bin + 1) - 1)}: ${count(n)}`] : [],
  );
  const when = element('span', { class: 'muted' }, clock(column.t));
  return element('div', { class: 'legend' }, `calls by cycles  ${parts.join('   ')}`, when);
};

const gapOf = (columns) => {
  const gaps = columns.slice(1).map(({ t }, i) => t - columns[i].t);
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1000;
};

export const drawHeatmap = (host, { points, name, from, to }) => {
  const width = Math.max(240, host.clientWidth);
  const scale = scales(width, HEIGHT, from, to);
  Object.assign(host, { scale, from, to });
  const columns = columnsOf(
    points.filter(({ t }) => t >= from && t <= to),
    name,
  );
  if (columns.length === 0) {
    return host.replaceChildren(element('p', { class: 'muted' }, 'no calls in this time'));
  }
  const { first, last } = rowsOf(columns);
  const rowHeight = (HEIGHT - TOP - BOTTOM) / (last - first + 1);
  const y = (bin) => TOP + (last - bin) * rowHeight;
  const label = `Distribution of cycles per call of ${name} over time`;
  const picture = svg('svg', {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    height: HEIGHT,
    role: 'img',
    'aria-label': label,
  });
  for (let bin = first; bin <= last; bin++) {
    picture.append(
      svg('line', { class: 'gridline', x1: LEFT, x2: width - 10, y1: y(bin), y2: y(bin) }),
      svg('text', { x: LEFT - 6, y: y(bin) + rowHeight + 3, 'text-anchor': 'end' }, count(2 ** bin)),
    );
  }
  const right = scale.x(to);
  const gap = gapOf(columns);
  for (const [i, { t, bins, total }] of columns.entries()) {
    const begin = Math.max(columns[i - 1]?.t ?? 0, t - 3 * gap); // a longer pause stays a gap
    const x = Math.max(LEFT, scale.x(i > 0 ? begin : t - gap));
    for (let bin = first; bin <= last; bin++) {
      const opacity = shade(bins[bin] / total);
      if (opacity === 0) continue;
      const box = {
        x,
        y: y(bin) + 0.5,
        width: Math.max(1, Math.min(scale.x(t), right) - x) + 0.3,
        height: rowHeight - 1,
      };
      picture.append(
        svg('rect', {
          ...box,
          class: 'heat',
          fill: 'rgb(var(--heat-to))',
          'fill-opacity': opacity.toFixed(3),
        }),
      );
    }
  }
  picture.append(...timeAxis(scale, from, to, HEIGHT));
  host.replaceChildren(note(columns, host.cursor ?? to), picture);
};
