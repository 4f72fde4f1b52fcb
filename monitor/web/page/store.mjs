/** What the server told so far, and what of it is shown. */

const MOST = { points: 600, events: 500, lines: 1000 };

const keep = (list, item, most) => {
  list.push(item);
  if (list.length > most) list.shift();
};

/** Calls `changed` after each piece of news. The browser opens a lost connection again by itself. */
export const makeStore = (changed) => {
  const data = { points: [], events: [], lines: [], down: 'connecting' };
  const feed = new EventSource('feed');
  const on = (name, act) =>
    feed.addEventListener(name, (message) => {
      act(JSON.parse(message.data));
      changed();
    });
  on('all', (all) => Object.assign(data, all));
  on('point', (point) => {
    data.down = null;
    keep(data.points, point, MOST.points);
  });
  on('board', (event) => keep(data.events, event, MOST.events));
  on('console', (line) => keep(data.lines, line, MOST.lines));
  on('down', (why) => {
    data.down = why;
  });
  feed.onerror = () => {
    data.down = 'the monitor does not answer';
    changed();
  };
  return data;
};

/** A copy that stays as it is while more arrives. */
export const frozen = (data) => ({
  ...data,
  points: [...data.points],
  events: [...data.events],
  lines: [...data.lines],
});

/** The latest moment that anything is known of. */
export const latest = ({ points, events }) => Math.max(points.at(-1)?.t ?? 0, events.at(-1)?.t ?? 0);

/** `[t, value]` of one module; a gap where it was not there or was not called. */
export const seriesOf = (points, name, value) =>
  points.map((point) => {
    const module = point.modules.find((each) => each.name === name);
    return [point.t, module ? value(module) : null];
  });
