/** Several boards beside each other: a card each, with what matters at a glance; the one that is chosen is shown below. */
import { count, element } from './text.mjs';

const sum = (modules, value) => modules.reduce((total, module) => total + (value(module) ?? 0), 0);

const factsOf = ({ points, down }) => {
  const modules = points.at(-1)?.modules ?? [];
  const [faults, rollbacks] = [sum(modules, (m) => m.faults), sum(modules, (m) => m.rollbacks)];
  const worst = Math.max(0, ...modules.map((m) => m.budget ?? 0));
  return [
    down === null ? '' : down,
    `${modules.length} ${modules.length === 1 ? 'module' : 'modules'}`,
    `${count(sum(modules, (m) => m.perSecond))} calls/s`,
    worst > 0 ? `at most ${(worst * 100).toFixed(0)} % of a budget` : '',
    faults > 0 ? `${faults} faults` : '',
    rollbacks > 0 ? `${rollbacks} taken back` : '',
  ].filter((text) => text !== '');
};

export const nameOf = ({ key, points }) => points.at(-1)?.board?.name ?? key;

const cardOf = (board, isShown) => {
  const state = board.down === null ? 'up' : 'down';
  const card = element(
    'button',
    {
      type: 'button',
      role: 'tab',
      'aria-selected': String(isShown),
      'aria-controls': 'view',
      tabindex: isShown ? '0' : '-1',
      class: 'card',
    },
    element('strong', { class: `status ${state}` }, nameOf(board)),
    element('span', { class: 'muted' }, board.key),
    element('span', {}, factsOf(board).join(' · ')),
  );
  card.dataset.key = board.key;
  return card;
};

/** Cards are drawn anew with each piece of news; the focus stays where it was. */
export const drawBoards = (host, boards, shown) => {
  host.hidden = boards.length < 2;
  const focused = host.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  host.replaceChildren(...boards.map((board) => cardOf(board, board.key === shown)));
  if (focused) [...host.children].find(({ dataset }) => dataset.key === focused)?.focus();
};

/** Mouse, and the arrow keys of a list of tabs. */
export const followChoice = (host, choose) => {
  host.addEventListener('click', ({ target }) => {
    const card = target.closest('[data-key]');
    if (card) choose(card.dataset.key);
  });
  host.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    const cards = [...host.children];
    const at = cards.findIndex((card) => card.getAttribute('aria-selected') === 'true');
    const next = cards[(at + by + cards.length) % cards.length];
    event.preventDefault();
    next.focus();
    choose(next.dataset.key);
  });
};
