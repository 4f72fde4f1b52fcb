/** Puts the page together: news arrives, everything shown is drawn anew at most once a frame. */
import { drawBoards, followChoice, nameOf } from './boards.mjs';
import { drawLines, followCursor } from './chart.mjs';
import { drawHeatmap } from './heatmap.mjs';
import { drawModules } from './modules.mjs';
import { emptyBoard, frozen, latest, makeStore, seriesOf } from './store.mjs';
import { clock, colourOf, count, element } from './text.mjs';
import { drawEvents, drawTimeline } from './timeline.mjs';

/** A recording that has only just begun is not drawn into a corner. */
const LEAST_MS = 20_000;

const at = (id) => document.getElementById(id);

let selected;
let shown; // key of the board
let paused; // a copy of the boards while paused
let due = false;

const boards = () => paused ?? store.boards;
const current = () =>
  boards().find(({ key }) => key === shown) ?? boards()[0] ?? emptyBoard('', 'no board yet');

const redraw = () => {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw(current());
  });
};
const store = makeStore(redraw);

const select = (name) => {
  selected = name;
  redraw();
};

const drawHeader = (now) => {
  const { down, points } = now;
  const board = points.at(-1)?.board;
  at('board').textContent = nameOf(now) || 'Velocity';
  document.title = board ? `${down ? '✖ ' : ''}${board.name} – Velocity` : 'Velocity';
  at('welcome').hidden = boards().length > 0;
  at('view').hidden = boards().length === 0;
  const facts = board
    ? `velocity ${board.version} · build ${board.build.slice(0, 12)} · ${board.cores} cores`
    : '';
  at('facts').textContent = facts;
  const state = down === null ? (paused ? 'paused' : 'live') : down;
  if (at('status').textContent !== state) at('status').textContent = state;
  at('status').className = `status ${down === null ? 'up' : 'down'}`;
};

const drawCores = ({ points }) => {
  const { cores = [], health = {} } = points.at(-1) ?? {};
  const rows = cores.map((core) => {
    const numbers = [core.ticksPerSecond, core.wakeupsPerSecond, core.ticks];
    const cells = numbers.map((value) => element('td', { class: 'number' }, count(value ?? Number.NaN)));
    return element('tr', {}, element('td', {}, core.name), ...cells);
  });
  at('cores').tBodies[0].replaceChildren(...rows);
  const facts = Object.entries(health).map(([name, value]) => {
    const bad = name === 'damaged' && value > 0 ? 'warn' : '';
    return element(
      'div',
      {},
      element('dt', {}, `messages ${name}`),
      element('dd', { class: bad }, count(value)),
    );
  });
  at('link').replaceChildren(...facts);
};

const drawConsole = ({ lines }) => {
  const host = at('console');
  const follows = host.scrollTop + host.clientHeight >= host.scrollHeight - 4;
  const text = lines.map(({ t, line }) => `${clock(t)}  ${line}`).join('\n');
  if (host.textContent === (text || 'nothing yet')) return;
  host.textContent = text || 'nothing yet';
  if (follows) host.scrollTop = host.scrollHeight;
};

const drawCharts = (now, modules) => {
  const { points, events } = now;
  const to = latest(now) || Date.now();
  const from = Math.max(to - Number(at('window').value) * 1000, Math.min(points[0]?.t ?? 0, to - LEAST_MS));
  const names = modules.map(({ name }) => name);
  const cost = (name, value, colour, dashed) => ({
    name,
    colour,
    dashed,
    values: seriesOf(points, selected, (m) => (m.mean > 0 ? value(m) : null)),
  });
  drawLines(at('cost'), {
    series: [
      cost('mean', (m) => m.mean, colourOf(selected)),
      cost('99 % ≤', (m) => m.p99, 'var(--muted)', true),
    ],
    label: `Cycles per call of ${selected ?? 'no module'} over time`,
    from,
    to,
  });
  const rates = names.map((name) => ({
    name,
    colour: colourOf(name),
    values: seriesOf(points, name, (m) => m.perSecond),
  }));
  drawLines(at('rate'), { series: rates, label: 'Calls per second of each module over time', from, to });
  drawHeatmap(at('heatmap'), { points, name: selected, from, to });
  drawTimeline(at('timeline'), { events, names, from, to });
};

const draw = (now) => {
  const modules = now.points.at(-1)?.modules ?? [];
  for (const { name } of modules) colourOf(name);
  if (!modules.some(({ name }) => name === selected)) selected = modules[0]?.name;
  for (const host of document.querySelectorAll('[data-selected]')) host.textContent = selected ?? '';
  drawBoards(at('boards'), boards(), now.key);
  drawHeader(now);
  drawModules(at('modules'), { points: now.points, selected, onSelect: select });
  at('no-modules').hidden = modules.length > 0 || now.points.length === 0;
  drawCharts(now, modules);
  drawEvents(at('events'), now.events);
  drawCores(now);
  drawConsole(now);
};

const pause = () => {
  paused = paused ? undefined : frozen(store.boards);
  at('pause').setAttribute('aria-pressed', String(paused !== undefined));
  redraw();
};

const move = (by) => {
  const names = (current().points.at(-1)?.modules ?? []).map(({ name }) => name);
  const next = names[Math.max(0, Math.min(names.length - 1, names.indexOf(selected) + by))];
  if (next) select(next);
};

const onKey = (event) => {
  if (event.target.matches('select, input') || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'p') pause();
  const scrolls = event.target.matches('.log');
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!by || scrolls) return;
  event.preventDefault();
  move(by);
};

/** Draws from now on what the store that it gives is told. */
export const startPage = () => {
  addEventListener('keydown', onKey);
  at('pause').addEventListener('click', pause);
  at('window').addEventListener('change', redraw);
  addEventListener('resize', redraw);
  for (const id of ['cost', 'rate', 'heatmap']) followCursor(at(id), redraw);
  followChoice(at('boards'), (key) => {
    shown = key;
    redraw();
  });
  redraw();
  return store;
};
