/** Patches from the ledger: searched, and each with what it changes, what proved it and where it came from. */
import { count, element } from './text.mjs';

const at = (id) => document.getElementById(id);
const MOST_ROWS = 200;

let rows = [];
let open; // line of the ledger

const outcomes = { promoted: 'good', rolled_back: 'warn', refused: 'bad' };
const fate = (row) => row.outcome || row.verdict;
/** `ok` is what the outcome says already. */
const why = ({ outcomeReason }) => (outcomeReason === 'ok' ? '' : words(outcomeReason));
const words = (name) => name.replaceAll('_', ' ');
const change = ({ cyclesBefore, cyclesAfter }) =>
  cyclesBefore > 0 && cyclesAfter > 0 ? `${count(cyclesBefore)} → ${count(cyclesAfter)}` : '–';

const searched = (row) => Object.values(row).join(' ').toLowerCase();
const matches = (row, query) => query.split(/\s+/).every((word) => searched(row).includes(word));

const json = async (path) => {
  const response = await fetch(path);
  const value = await response.json();
  if (!response.ok) throw new Error(value.error);
  return value;
};

const facts = (pairs) =>
  element(
    'dl',
    { class: 'facts' },
    ...pairs
      .filter(([, value]) => value !== undefined && value !== null && value !== '')
      .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, String(value))]),
  );

const kindOf = ([before, after]) =>
  before === after ? '' : before === null ? 'added' : after === null ? 'removed' : 'changed';

const cell = (value, kind) => element('td', { class: value === null ? '' : kind }, value ?? '');

/** Both columns scroll together; long stretches that are the same are folded. */
const AROUND = 3;
const shownRows = (pairs) => {
  const near = pairs.map((_, i) =>
    pairs.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(([a, b]) => a !== b),
  );
  return pairs.flatMap((pair, i) => {
    if (near[i]) return [pair];
    return near[i - 1] || i === 0 ? [['⋯', '⋯']] : [];
  });
};

/** Labels stand on lines of their own. */
const isCode = (line) => line !== null && !line.endsWith(':');

const diff = (title, pairs) => {
  const taken = pairs.filter(([before]) => isCode(before)).length;
  const given = pairs.filter(([, after]) => isCode(after)).length;
  const body = shownRows(pairs).map((pair) => {
    const kind = kindOf(pair);
    const [left, right] = kind === 'changed' ? ['removed', 'added'] : [kind, kind];
    return element('tr', {}, cell(pair[0], left), cell(pair[1], right));
  });
  return element(
    'div',
    { class: 'diff scroll', tabindex: '0', role: 'group', 'aria-label': `${title}, before and after` },
    element(
      'table',
      {},
      element('caption', {}, `${title}: ${taken} → ${given} instructions`),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          element('th', { scope: 'col' }, 'before'),
          element('th', { scope: 'col' }, 'after'),
        ),
      ),
      element('tbody', {}, ...body),
    ),
  );
};

const proofOf = ({ proof, verdict, layer, reason }) =>
  proof
    ? [
        ['Proof', `${proof.verdict}, ${proof.queries} queries, ${count(proof.ms)} ms`],
        ['Proof hash', proof.hash],
      ]
    : [['Judged', `${verdict} by the layer ${layer}: ${reason}`]];

const detail = (patch) => {
  const { bounds, detection, provenance, changes } = patch;
  const list = facts([
    ['Module', `${patch.module}${patch.version ? `, version ${patch.version}` : ''}`],
    ['Came from', `${patch.proposer}: ${patch.note}`],
    ['Answers', detection.reason],
    ...proofOf(patch),
    [
      'Worst case',
      bounds.bound_before && `${count(bounds.bound_before)} → ${count(bounds.bound_after)} instructions`,
    ],
    ['Outcome', fate(patch) && `${words(fate(patch))}${why(patch) ? `: ${why(patch)}` : ''}`],
    ['Cycles per call', change(patch)],
    ['Program', patch.candidate],
    ['Replaces', patch.parent],
    ['Model', provenance.modelHash],
    ['Prompt', provenance.promptHash],
    ['Ledger', `line ${patch.line}, follows ${provenance.prev}`],
  ]);
  const code = changes
    ? [element('div', { class: 'diffs' }, diff('eBPF', changes.bpf), diff('A64', changes.a64))]
    : [element('p', { class: 'muted' }, 'The ledger did not keep the programs of this patch.')];
  return [list, ...code];
};

export const openPatch = async (line) => {
  open = line;
  const host = at('patch');
  host.hidden = false;
  try {
    host.replaceChildren(...detail(await json(`patch.json?line=${line}`)));
  } catch (error) {
    host.replaceChildren(element('p', { class: 'bad', role: 'alert' }, error.message));
  }
  draw();
  host.focus();
};

export const patchesKnown = () => rows.length;

/** The patch that an event of the timeline is about. */
export const patchOf = ({ name, version }) =>
  rows.find((row) => row.module === name && row.version === version)?.line;

const rowOf = (row) => {
  const button = element(
    'button',
    { type: 'button', 'aria-expanded': String(row.line === open) },
    row.candidate.slice(0, 12),
  );
  button.addEventListener('click', () => openPatch(row.line));
  return element(
    'tr',
    { 'aria-selected': String(row.line === open) },
    element('td', {}, button),
    element('td', {}, new Date(row.time).toLocaleString('en-GB')),
    element('td', {}, row.module),
    element('td', {}, row.proposer),
    element('td', { class: outcomes[fate(row)] ?? '' }, words(fate(row))),
    element('td', { class: 'number' }, change(row)),
    element('td', { class: 'muted clip', title: row.reason }, why(row) || row.reason),
  );
};

const draw = () => {
  const query = at('patch-search').value.trim().toLowerCase();
  const found = rows.filter((row) => query === '' || matches(row, query));
  const focused = at('patches').contains(document.activeElement)
    ? document.activeElement.textContent
    : undefined;
  at('patches').tBodies[0].replaceChildren(...found.slice(0, MOST_ROWS).map(rowOf));
  if (focused) [...at('patches').querySelectorAll('button')].find((b) => b.textContent === focused)?.focus();
  const none =
    rows.length === 0
      ? 'The ledger has no patch yet: velocity evolve MODULE proposes some.'
      : 'No patch fits.';
  at('patches-note').textContent = found.length > 0 ? `${found.length} of ${rows.length}` : none;
};

const load = async (store) => {
  try {
    rows = await json('patches.json');
    draw();
    store.changed(); // the timeline leads to them
  } catch (error) {
    at('patches-note').textContent = error.message;
  }
};

/** Shows the section; the list is read again whenever something happened on a board. */
export const startPatches = (store) => {
  at('patches-section').hidden = false;
  at('patch-search').addEventListener('input', draw);
  store.onEvent(() => void load(store));
  void load(store);
};
