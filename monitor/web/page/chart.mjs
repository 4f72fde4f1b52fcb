/** A line chart over time as SVG: axes, a legend that shows values, and a cursor for mouse and arrow keys. */
import { clock, count, element, niceStep, svg } from './text.mjs';

export const LEFT = 56;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 22;
const HEIGHT = 180;

export const scales = (width, height, from, to) => ({
  x: (t) => LEFT + ((t - from) / Math.max(1, to - from)) * (width - LEFT - RIGHT),
  t: (x) => from + ((x - LEFT) / (width - LEFT - RIGHT)) * (to - from),
  y: (share) => TOP + (1 - share) * (height - TOP - BOTTOM),
});

export const timeAxis = (scale, from, to, height) => {
  const labels = [];
  const step = [5, 15, 30, 60, 120, 300].find((s) => (to - from) / 1000 / s <= 5) * 1000;
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
    const anchor = scale.x(t) > scale.x(to) - 25 ? 'end' : 'middle';
    labels.push(svg('text', { x: scale.x(t), y: height - 5, 'text-anchor': anchor }, clock(t)));
  }
  return labels;
};

/** Does not start at zero where that would make a flat line of what varies; says so by its labels. */
const bounds = (values) => {
  const top = Math.max(...values, 1);
  const least = Math.min(...values);
  const low = least > top * 0.6 ? least - Math.max((top - least) * 0.5, top * 0.02) : 0;
  const step = niceStep(Math.max(top - low, top * 0.02), 4);
  const first = low <= 0 ? 0 : Math.max(0, Math.floor(low / step) * step);
  return { low: first, high: Math.ceil((top + step * 0.05) / step) * step, step };
};

const path = (values, scale, share) => {
  let pen = 'M';
  return values
    .map(([t, value]) => {
      if (value === null) {
        pen = 'M';
        return '';
      }
      const part = `${pen}${scale.x(t).toFixed(1)} ${scale.y(share(value)).toFixed(1)}`;
      pen = 'L';
      return part;
    })
    .join('');
};

const dots = (values, scale, share, colour) =>
  values.length > 2
    ? []
    : values
        .filter(([, value]) => value !== null)
        .map(([t, v]) => svg('circle', { cx: scale.x(t), cy: scale.y(share(v)), r: 2.5, fill: colour }));

const nearest = (values, t) =>
  values.reduce(
    (best, each) => (Math.abs(each[0] - t) < Math.abs((best ?? each)[0] - t) ? each : best),
    values[0],
  );

const legend = (series, t) => {
  const items = series.map(({ name, colour, values }) => {
    const value = (t === undefined ? values.at(-1) : nearest(values, t))?.[1];
    const key = element('span', { class: 'key', 'aria-hidden': 'true' });
    key.style.background = colour;
    return element('span', {}, key, `${name} ${value === null || value === undefined ? '–' : count(value)}`);
  });
  const when = element('span', { class: 'muted' }, t === undefined ? 'now' : clock(t));
  return element('div', { class: 'legend' }, ...items, when);
};

/** Mouse and arrow keys move `host.cursor`, a time; leaving shows the present again. */
export const followCursor = (host, redraw) => {
  host.tabIndex = 0;
  const set = (t) => {
    host.cursor = t;
    redraw();
  };
  host.addEventListener('pointermove', (event) => {
    const box = host.querySelector('svg, canvas')?.getBoundingClientRect();
    if (box && host.scale)
      set(Math.min(host.to, Math.max(host.from, host.scale.t(event.clientX - box.left))));
  });
  host.addEventListener('pointerleave', () => set(undefined));
  host.addEventListener('blur', () => set(undefined));
  host.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    set(Math.min(host.to, Math.max(host.from, (host.cursor ?? host.to) + (by * (host.to - host.from)) / 60)));
  });
};

/** `series`: `{name, colour, values: [t, value or null][], dashed}` */
export const drawLines = (host, { series, from, to, label }) => {
  const width = Math.max(240, host.clientWidth);
  const scale = scales(width, HEIGHT, from, to);
  Object.assign(host, { scale, from, to });
  const shown = series.map((each) => ({
    ...each,
    values: each.values.filter(([t]) => t >= from && t <= to),
  }));
  const numbers = shown.flatMap(({ values }) => values.map(([, v]) => v)).filter((v) => v !== null);
  const { low, high, step } = bounds(numbers.length > 0 ? numbers : [0]);
  const share = (value) => (value - low) / (high - low);
  const picture = svg('svg', {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    height: HEIGHT,
    role: 'img',
    'aria-label': label,
  });
  for (let value = low; value <= high + step / 2; value += step) {
    const y = scale.y(share(value));
    picture.append(
      svg('line', { class: 'gridline', x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
      svg('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, count(value)),
    );
  }
  picture.append(...timeAxis(scale, from, to, HEIGHT));
  for (const { values, colour, dashed } of shown) {
    const style = { stroke: colour, fill: 'none', 'stroke-width': 2, 'stroke-linejoin': 'round' };
    picture.append(
      svg('path', {
        d: path(values, scale, share),
        ...style,
        ...(dashed ? { 'stroke-dasharray': '5 4' } : {}),
      }),
      ...dots(values, scale, share, colour),
    );
  }
  if (host.cursor !== undefined) {
    const x = scale.x(host.cursor);
    picture.append(svg('line', { class: 'cursor', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
  }
  host.replaceChildren(legend(shown, host.cursor), picture);
};

/** A line without axes, for a table. */
export const spark = (values, colour) => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (i) => (i / Math.max(1, values.length - 1)) * 118 + 1;
  const y = (value) => (high === low ? 11 : 20 - ((value - low) / (high - low)) * 18);
  const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  return svg(
    'svg',
    { width: 120, height: 22, 'aria-hidden': 'true' },
    svg('polyline', { points, fill: 'none', stroke: colour, 'stroke-width': 1.5 }),
  );
};
