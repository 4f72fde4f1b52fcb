/** What keys do in the terminal view. Pure: a key changes what is shown, and may ask for something to be done. */

export type Prompt =
  | { readonly kind: 'filter' | 'command'; readonly text: string }
  | { readonly kind: 'rollback'; readonly module: string };

export type Screen = {
  /** Port of the board whose modules are shown, where there are several. */
  readonly board: string | undefined;
  /** Name of the module that the cursor is on. */
  readonly selected: string | undefined;
  /** Only modules whose name contains this are shown. */
  readonly filter: string;
  readonly paused: boolean;
  readonly prompt: Prompt | undefined;
  /** What the latest key led to. */
  readonly note: string;
};

export const emptyScreen: Screen = {
  board: undefined,
  selected: undefined,
  filter: '',
  paused: false,
  prompt: undefined,
  note: '',
};

/** As Node's readline names them; `text` is what was typed. */
export type Key = { readonly name?: string | undefined; readonly ctrl?: boolean; readonly text: string };

export type Action =
  | { readonly kind: 'quit' }
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

const plainKey = (screen: Screen, key: Key, names: readonly string[], ports: readonly string[]): Screen => {
  const clear = { ...screen, note: '' };
  const turned = boardKey(clear, key, ports);
  if (turned) return turned;
  if (key.name === 'up' || key.text === 'k') return move(clear, names, -1);
  if (key.name === 'down' || key.text === 'j') return move(clear, names, 1);
  if (key.text === 'p' || key.text === ' ') return { ...clear, paused: !screen.paused };
  if (key.text === 'f' || key.text === '/')
    return { ...clear, prompt: { kind: 'filter', text: screen.filter } };
  if (key.text === 'c') return { ...clear, prompt: { kind: 'command', text: '' } };
  if (key.text === 'r') return askRollback(clear, names);
  return screen;
};

/** `names` are the modules shown, from top to bottom; `ports` the boards. */
export const press = (
  screen: Screen,
  key: Key,
  names: readonly string[],
  ports: readonly string[] = [],
): Pressed => {
  if (key.ctrl && key.name === 'c') return { screen, action: { kind: 'quit' } };
  const { prompt } = screen;
  if (prompt?.kind === 'rollback') return answerRollback(screen, prompt.module, key);
  if (prompt) return typeInto(screen, prompt, key);
  if (key.text === 'q') return { screen, action: { kind: 'quit' } };
  if (key.text === 'y') return { screen, action: { kind: 'copy' } };
  return { screen: plainKey(screen, key, names, ports) };
};

/** The line below the table. */
export const footer = ({ prompt, note, paused, filter }: Screen, several = false): string => {
  if (prompt?.kind === 'rollback') return `roll ${prompt.module} back to the version before? y/n`;
  if (prompt) return `${prompt.kind === 'filter' ? 'show modules with' : 'console'}> ${prompt.text}▏`;
  const boards = several ? '  ←→ board' : '';
  const keys = `q quit  p pause  f filter  ↑↓ select${boards}  r roll back  c console command  y copy`;
  const parts = [paused ? 'PAUSED' : '', filter ? `only “${filter}”` : '', note, keys];
  return parts.filter((part) => part !== '').join('  ');
};
