/** The module table. Rows can be selected by mouse, and by the arrow keys of the page. */
import { spark } from './chart.mjs';
import { seriesOf } from './store.mjs';
import { colourOf, count, element, percent, svg } from './text.mjs';

const meter = (share) => {
  const colour = share > 0.9 ? 'var(--bad)' : share > 0.7 ? 'var(--warn)' : 'var(--s0)';
  const box = { height: 8, rx: 4, y: 0 };
  return element(
    'span',
    { class: 'meter' },
    svg(
      'svg',
      { width: 80, height: 8, 'aria-hidden': 'true' },
      svg('rect', { ...box, width: 80, fill: 'var(--grid)' }),
      svg('rect', { ...box, width: Math.max(2, Math.min(1, share ?? 0) * 80), fill: colour }),
    ),
    percent(share),
  );
};

const number = (value, kind = '') =>
  element('td', { class: `number ${value > 0 ? kind : ''}` }, count(value));

const rowOf = (module, points, selected, onSelect) => {
  const key = element('span', { class: 'key', 'aria-hidden': 'true' });
  key.style.background = colourOf(module.name);
  const means = seriesOf(points, module.name, (m) => m.mean).flatMap(([, mean]) => (mean ? [mean] : []));
  const row = element(
    'tr',
    { 'aria-selected': String(module.name === selected) },
    element('td', {}, key, module.name),
    element('td', {}, module.hook),
    element('td', { title: `program ${module.sha}` }, `${module.version} · ${module.sha.slice(0, 8)}`),
    element('td', {}, module.state),
    number(module.perSecond),
    number(module.mean),
    number(module.p50),
    number(module.p99),
    number(module.max),
    element('td', {}, meter(module.budget)),
    number(module.faults, 'bad'),
    number(module.rollbacks, 'warn'),
    element('td', {}, spark(means.slice(-60), colourOf(module.name))),
  );
  row.addEventListener('click', () => onSelect(module.name));
  return row;
};

export const drawModules = (table, { points, selected, onSelect }) => {
  const modules = points.at(-1)?.modules ?? [];
  const rows = modules.map((module) => rowOf(module, points, selected, onSelect));
  table.tBodies[0].replaceChildren(...rows);
};
