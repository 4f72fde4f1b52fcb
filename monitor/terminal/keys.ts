/** What keys do in the terminal view. Pure: a key changes what is shown, and may ask for something to be done. */
import { flow, type Line, type Span, span } from './styled.ts';

export type Prompt =
  | { readonly kind: 'filter' | 'command'; readonly text: string }
  | { readonly kind: 'rollback'; readonly module: string };

/** What is shown of modules and console. */
export type Zoom = 'both' | 'modules' | 'console';

export type Screen = {
  /** Port of the board whose modules are shown, where there are several. */
  readonly board: string | undefined;
  /** Name of the module that the cursor is on. */
  readonly selected: string | undefined;
  /** Only modules whose name contains this are shown. */
  readonly filter: string;
  readonly paused: boolean;
  readonly zoom: Zoom;
  /** Number of the console's line after the last one shown, while it is held there; else the newest is shown. */
  readonly heldAt: number | undefined;
  readonly help: boolean;
  readonly prompt: Prompt | undefined;
  /** What the latest key led to. */
  readonly note: string;
};

export const emptyScreen: Screen = {
  board: undefined,
  selected: undefined,
  filter: '',
  paused: false,
  zoom: 'both',
  heldAt: undefined,
  help: false,
  prompt: undefined,
  note: '',
};

/** As Node's readline names them; `text` is what was typed. */
export type Key = { readonly name?: string | undefined; readonly ctrl?: boolean; readonly text: string };

export type Action =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'redraw' }
  | { readonly kind: 'scroll'; readonly to: 'page before' | 'page after' }
  /** What is shown, to the clipboard. */
  | { readonly kind: 'copy' }
  | { readonly kind: 'rollback'; readonly module: string }
  | { readonly kind: 'command'; readonly line: string };

export type Pressed = { readonly screen: Screen; readonly action?: Action };

/** The module under the cursor: the first one when the selected one is not there. */
export const cursor = (screen: Screen, names: readonly string[]): string | undefined =>
  names.find((name) => name === screen.selected) ?? names[0];

/** The board that is shown: the first one until another is chosen. */
export const chosen = (screen: Screen, ports: readonly string[]): string | undefined =>
  ports.find((port) => port === screen.board) ?? ports[0];

/** Round and round. */
const turn = (screen: Screen, ports: readonly string[], by: number): Screen => {
  const at = ports.indexOf(chosen(screen, ports) ?? '');
  return { ...screen, board: ports[(at + by + ports.length) % ports.length], selected: undefined };
};

const move = (screen: Screen, names: readonly string[], by: number): Screen => {
  const at = names.indexOf(cursor(screen, names) ?? '');
  const selected = names[Math.max(0, Math.min(names.length - 1, at + by))];
  return { ...screen, selected };
};

const answerRollback = (screen: Screen, module: string, { name, text }: Key): Pressed => {
  const closed = { ...screen, prompt: undefined };
  if (text === 'y' || text === 'Y') return { screen: closed, action: { kind: 'rollback', module } };
  return { screen: { ...closed, note: name === 'escape' || text === 'n' ? '' : 'not rolled back' } };
};

const isTyped = ({ text, ctrl }: Key) => !ctrl && text >= ' ' && text !== '\x7f' && !text.startsWith('\x1b');

const typeInto = (screen: Screen, prompt: Prompt & { text: string }, key: Key): Pressed => {
  const closed = { ...screen, prompt: undefined, note: '' };
  const edited = (text: string) => ({ screen: { ...screen, prompt: { ...prompt, text } } });
  if (key.name === 'escape') return { screen: closed };
  if (key.name === 'backspace') return edited([...prompt.text].slice(0, -1).join(''));
  if (key.name !== 'return' && key.name !== 'enter')
    return isTyped(key) ? edited(prompt.text + key.text) : { screen };
  if (prompt.kind === 'filter') return { screen: { ...closed, filter: prompt.text } };
  return prompt.text === ''
    ? { screen: closed }
    : { screen: closed, action: { kind: 'command', line: prompt.text } };
};

const askRollback = (screen: Screen, names: readonly string[]): Screen => {
  const module = cursor(screen, names);
  return module
    ? { ...screen, prompt: { kind: 'rollback', module } }
    : { ...screen, note: 'there is no module' };
};

const boardKey = (screen: Screen, { name, text }: Key, ports: readonly string[]): Screen | undefined => {
  if (ports.length < 2) return undefined;
  if (name === 'tab' || name === 'right') return turn(screen, ports, 1);
  if (name === 'left') return turn(screen, ports, -1);
  const port = /^[1-9]$/.test(text) ? ports[Number(text) - 1] : undefined;
  return port === undefined ? undefined : { ...screen, board: port, selected: undefined };
};

const nextZoom: Readonly<Record<Zoom, Zoom>> = { both: 'modules', modules: 'console', console: 'both' };

const promptKey = (screen: Screen, { text }: Key, names: readonly string[]): Screen | undefined => {
  if (text === 'f' || text === '/') return { ...screen, prompt: { kind: 'filter', text: screen.filter } };
  if (text === 'c') return { ...screen, prompt: { kind: 'command', text: '' } };
  return text === 'r' ? askRollback(screen, names) : undefined;
};

const plainKey = (screen: Screen, key: Key, names: readonly string[], ports: readonly string[]): Screen => {
  const clear = { ...screen, note: '' };
  const turned = boardKey(clear, key, ports) ?? promptKey(clear, key, names);
  if (turned) return turned;
  if (key.name === 'up' || key.text === 'k') return move(clear, names, -1);
  if (key.name === 'down' || key.text === 'j') return move(clear, names, 1);
  if (key.text === 'p' || key.text === ' ') return { ...clear, paused: !screen.paused, heldAt: undefined };
  if (key.text === 'z') return { ...clear, zoom: nextZoom[screen.zoom] };
  if (key.text === '?' || key.text === 'h') return { ...clear, help: true };
  if (key.name === 'end') return { ...clear, heldAt: undefined };
  return screen;
};

const scrolls: Readonly<Record<string, 'page before' | 'page after'>> = {
  pageup: 'page before',
  pagedown: 'page after',
};

/** Keys that do the same whatever is shown. */
const controlKey = ({ ctrl, name }: Key): Action | undefined => {
  if (!ctrl) return undefined;
  if (name === 'c') return { kind: 'quit' };
  if (name === 'z') return { kind: 'suspend' };
  return name === 'l' ? { kind: 'redraw' } : undefined;
};

/** `names` are the modules shown, from top to bottom; `ports` the boards. */
export const press = (
  screen: Screen,
  key: Key,
  names: readonly string[],
  ports: readonly string[] = [],
): Pressed => {
  const control = controlKey(key);
  if (control) return { screen, action: control };
  const { prompt } = screen;
  if (prompt?.kind === 'rollback') return answerRollback(screen, prompt.module, key);
  if (prompt) return typeInto(screen, prompt, key);
  if (key.text === 'q') return { screen, action: { kind: 'quit' } };
  if (screen.help) return { screen: { ...screen, help: false } };
  if (key.text === 'y') return { screen, action: { kind: 'copy' } };
  const to = scrolls[key.name ?? ''];
  if (to) return { screen, action: { kind: 'scroll', to } };
  return { screen: plainKey(screen, key, names, ports) };
};

const keys = [
  ['q', 'quit', 'end; boards go on (also Ctrl-C)'],
  ['p', 'pause', 'hold what is shown (also space)'],
  ['f', 'filter', 'show modules by name (also /)'],
  ['↑↓', 'select', 'choose a module (also j and k)'],
  ['←→', 'board', 'choose a board (also Tab, 1 to 9)'],
  ['r', 'roll back', 'module to the version before'],
  ['c', 'command', 'send a line to the console'],
  ['y', 'copy', 'copy, where the terminal allows it'],
  ['PgUp PgDn End', 'scroll', 'console text'],
  ['z', 'zoom', 'modules, console, or both'],
  ['Ctrl-L', 'redraw', 'draw everything anew'],
  ['Ctrl-Z', 'suspend', 'back to the shell; `fg` goes on'],
] as const;

const FOR_SEVERAL = '←→';
const LAST_HINT = '? help';

/** Every key, and what it does. */
export const help = ({ columns, rows }: { readonly columns: number; readonly rows: number }): Line[] => {
  const lines = keys.flatMap(([key, , what]) => flow([span(key, 'strong'), span(what)], columns));
  const blank = Array.from({ length: Math.max(0, rows - 1 - lines.length) }, () => ({ spans: [] }));
  return [...lines.slice(0, Math.max(0, rows - 1)), ...blank];
};

export type FooterOptions = {
  readonly several: boolean;
  readonly width: number;
  readonly keyboard: boolean;
  readonly progress: string;
};

/** As many keys as there is room for beside `before`. */
const hints = (before: readonly Span[], { several, width, keyboard }: FooterOptions): Span => {
  if (!keyboard) return span('Ctrl-C ends', 'faint');
  const used = before.reduce((sum, { text }) => sum + [...text].length, 0) + LAST_HINT.length;
  let text = '';
  for (const [key, what] of keys) {
    if (key === FOR_SEVERAL && !several) continue;
    const longer = `${text}${key} ${what}  `;
    if (used + [...longer].length > width) break;
    text = longer;
  }
  return span(`${text}${LAST_HINT}`, 'faint');
};

/** The last line: a question, or how things are and what keys there are. */
export const footer = (screen: Screen, options: FooterOptions): Line => {
  const { prompt, note, paused, filter } = screen;
  if (prompt?.kind === 'rollback')
    return { spans: [span(`roll ${prompt.module} back to the version before? y/n`, 'strong')] };
  if (prompt) {
    const what = prompt.kind === 'filter' ? 'show modules with' : 'console';
    const room = Math.max(1, options.width - what.length - 4);
    return { spans: [span(`${what}> `, 'strong'), span(`${[...prompt.text].slice(-room).join('')}▏`)] };
  }
  const parts = [
    ...(paused ? [span('PAUSED  ', 'warning')] : []),
    ...(filter ? [span(`only “${filter}”  `, 'strong')] : []),
    ...(options.progress ? [span(`${options.progress}  `)] : []),
    ...(note ? [span(`${note}  `)] : []),
  ];
  return { spans: [...parts, hints(parts, options)] };
};
