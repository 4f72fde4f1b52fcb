/** What happened when: a lane a module, a mark an event, and the same as a list. */
import { LEFT, scales, timeAxis } from './chart.mjs';
import { openPatch, patchesKnown, patchOf } from './patches.mjs';
import { clock, count, element, svg } from './text.mjs';

/** Shape and colour both tell the kinds apart. */
const marks = {
  installed: { sign: '●', colour: 'var(--s0)', words: 'installed' },
  promoted: { sign: '▲', colour: 'var(--good)', words: 'promoted: it pays' },
  rolled_back: { sign: '◀', colour: 'var(--warn)', words: 'taken back' },
  fault: { sign: '✖', colour: 'var(--bad)', words: 'faulted' },
  refused: { sign: '■', colour: 'var(--bad)', words: 'refused' },
  removed: { sign: '○', colour: 'var(--muted)', words: 'removed' },
};
const LANE = 26;

const sentence = ({ kind, name, version, reason, before, after, text }) => {
  if (kind === 'log') return `[${name}] ${text}`;
  const compared = before > 0 && after > 0 ? `, ${count(before)} → ${count(after)} cycles per call` : '';
  const what = kind === 'refused' ? name || 'a patch' : `${name} version ${version}`; // as it has none yet
  return `${what} ${marks[kind]?.words ?? kind}${reason ? ` (${reason})` : ''}${compared}`;
};

const mark = (event, x, y) => {
  const { sign, colour } = marks[event.kind] ?? marks.removed;
  const text = svg('text', { x, y, 'text-anchor': 'middle', class: 'mark' }, sign);
  text.style.fill = colour;
  text.style.fontSize = '15px';
  text.append(svg('title', {}, `${clock(event.t)} ${sentence(event)}`));
  return text;
};

export const drawTimeline = (host, { events, names, from, to }) => {
  const swaps = events.filter(({ kind }) => kind !== 'log');
  const lanes = [...new Set([...names, ...swaps.map(({ name }) => name)])];
  const width = Math.max(240, host.clientWidth);
  const height = Math.max(1, lanes.length) * LANE + 26;
  const scale = scales(width, height, from, to);
  const label = `${swaps.length} swaps, rollbacks and faults; the list below names them`;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': label });
  for (const [i, name] of lanes.entries()) {
    const y = i * LANE + 16;
    const short = name.length > 8 ? `${name.slice(0, 7)}…` : name;
    picture.append(
      svg('line', { class: 'gridline', x1: LEFT, x2: width - 10, y1: y, y2: y }),
      svg('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, short),
    );
  }
  for (const event of swaps.filter(({ t }) => t >= from)) {
    picture.append(mark(event, scale.x(event.t), lanes.indexOf(event.name) * LANE + 21));
  }
  picture.append(...timeAxis(scale, from, to, height));
  host.replaceChildren(picture);
};

const LISTED = 100;

const patchButton = (line) => {
  const button = element('button', { type: 'button', class: 'small' }, 'Show the patch');
  button.addEventListener('click', () => openPatch(line));
  return button;
};

/** Drawn anew only when there is something new, so that the focus in it stays. */
export const drawEvents = (host, events) => {
  const state = `${events.length} ${events.at(-1)?.t} ${events.at(-1)?.kind} ${patchesKnown()}`;
  if (host.dataset.state === state) return;
  host.dataset.state = state;
  const items = events
    .slice(-LISTED)
    .reverse()
    .map((event) => {
      const sign = element('span', { 'aria-hidden': 'true' }, `${marks[event.kind]?.sign ?? '·'} `);
      sign.style.color = marks[event.kind]?.colour ?? 'var(--muted)';
      const line = patchOf(event);
      const button = line === undefined ? [] : [patchButton(line)];
      return element('li', {}, element('time', {}, clock(event.t)), sign, sentence(event), ...button);
    });
  host.replaceChildren(...(items.length > 0 ? items : [element('li', { class: 'muted' }, 'nothing yet')]));
};
