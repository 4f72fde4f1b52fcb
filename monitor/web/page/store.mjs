/** What was told so far of each board. */

const MOST = { points: 600, events: 500, lines: 1000 };

const keep = (list, item, most) => {
  list.push(item);
  if (list.length > most) list.shift();
};

/** How each piece of news changes a board. */
const acts = {
  point: (board, point) => {
    board.down = null;
    keep(board.points, point, MOST.points);
  },
  board: (board, event) => keep(board.events, event, MOST.events),
  console: (board, line) => keep(board.lines, line, MOST.lines),
  down: (board, why) => {
    board.down = why;
  },
};

export const emptyBoard = (key, down) => ({ key, points: [], events: [], lines: [], down });

/** Calls `changed` after each piece of news. Boards stay in the order in which they came. */
export const makeStore = (changed) => {
  let boards = [];
  let happened = () => {};
  const boardOf = (key) => {
    const known = boards.find((board) => board.key === key);
    if (known) return known;
    const made = emptyBoard(key, 'waiting for the board');
    boards.push(made);
    return made;
  };
  return {
    get boards() {
      return boards;
    },
    /** Everything that is known, from the beginning. */
    all: (list) => {
      boards = list;
      changed();
    },
    take: (name, key, item) => {
      acts[name](boardOf(key), item);
      changed();
      if (name === 'board') happened();
    },
    /** Draws anew, for what is not news of a board. */
    changed,
    /** One listener for what happened on any board. */
    onEvent: (listener) => {
      happened = listener;
    },
    /** Nothing is heard of any board. */
    lost: (why) => {
      for (const board of boards) board.down = why;
      changed();
    },
  };
};

/** Copies that stay as they are while more arrives. */
export const frozen = (boards) =>
  boards.map((board) => ({
    ...board,
    points: [...board.points],
    events: [...board.events],
    lines: [...board.lines],
  }));

/** The latest moment that anything is known of. */
export const latest = ({ points, events }) => Math.max(points.at(-1)?.t ?? 0, events.at(-1)?.t ?? 0);

/** `[t, value]` of one module; a gap where it was not there or was not called. */
export const seriesOf = (points, name, value) =>
  points.map((point) => {
    const module = point.modules.find((each) => each.name === name);
    return [point.t, module ? value(module) : null];
  });
