/** What the flasher's page shows. */
import { type Board, boardGuide, boards } from '../../../boards/index.ts';
import { at, element, listOf, show } from '../dom.ts';
import type { LoadedImage } from './image.ts';
import type { Target } from './write.ts';

const hex4 = (value: number) => value.toString(16).padStart(4, '0');

const describe = (target: Target): [what: string, where: string] => {
  if (target.kind === 'u-boot') return ['U-Boot prompt: send the image over the serial line', target.name];
  if (target.kind === 'running')
    return ['velocity runs: send the image over the serial line into its memory', target.line.name];
  const { device, what } = target.attached;
  const { vendor, product } = device.ids;
  const serial = device.serial ? `, serial number ${device.serial}` : '';
  return [what, `USB ${hex4(vendor)}:${hex4(product)}${serial}`];
};

/** One radio button a target; `onSelect` is told the index. */
export const drawTargets = (
  targets: readonly Target[],
  selected: number,
  onSelect: (index: number) => void,
): void => {
  const choices = targets.map((target, i) => {
    const [what, where] = describe(target);
    const radio = element('input', { type: 'radio', name: 'target', value: String(i) });
    radio.checked = i === selected;
    radio.addEventListener('change', () => onSelect(i));
    return element('label', {}, radio, element('span', {}, what), element('small', {}, where));
  });
  at('found').replaceChildren(...choices);
  show('none', targets.length === 0);
};

/** The boards that it may be; hidden where only one is possible. */
export const drawWhich = (candidates: readonly Board[], selected: string | undefined): void => {
  const options = candidates.map(({ name, model }) =>
    element('option', { value: name }, `${model} (${name})`),
  );
  const select = at<HTMLSelectElement>('board');
  select.replaceChildren(...options);
  if (candidates.some(({ name }) => name === selected)) select.value = selected!;
  show('which', candidates.length > 1);
};

/** What to do where the image does not go that way. */
export const drawSteps = (title: string, steps: readonly string[]): void => {
  at('steps-title').textContent = title;
  at('steps').replaceChildren(...listOf(steps));
  show('steps-box', steps.length > 0);
};

export const drawImage = (loaded: LoadedImage | undefined): void => {
  const facts: [string, string][] = loaded
    ? [
        ['Version', loaded.image.version],
        ['Build', loaded.image.build],
        ['Size', `${loaded.image.bytes.length.toLocaleString('en')} bytes`],
        ['SHA-256', `${loaded.image.sha256} – as the manifest says`],
        ['Signature', `holds, by key ${loaded.manifest.key_id}`],
      ]
    : [['Image', 'none']];
  at('image').replaceChildren(
    ...facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
  );
  at('build').textContent = loaded
    ? `velocity ${loaded.image.version} · build ${loaded.image.build.slice(0, 12)}`
    : '';
};

/** Errors of this project say what to do next; anything else is a defect, and is shown whole. */
export const drawProblem = (error: unknown): void => {
  const { message, code, hint, stack } = error as Error & { code?: string; hint?: string };
  const text = code ? message : `a defect of this page, please report it: ${stack ?? String(error)}`;
  const parts = [element('p', {}, element('strong', {}, text))];
  if (hint) parts.push(element('p', {}, `Next: ${hint}.`));
  if (code) parts.push(element('p', { class: 'muted' }, `code: ${code}`));
  at('problem').replaceChildren(...parts);
  show('problem', true);
  at('problem').focus();
};

export const clearProblem = (): void => show('problem', false);

export const drawProgress = (file: string, done: number, total: number): void => {
  show('progress-row', true);
  at('file').textContent = `${file}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} bytes`;
  at<HTMLProgressElement>('progress').value = total > 0 ? done / total : 1;
};

export const say = (text: string): void => {
  at('status').textContent = text;
};

export const log = (text: string): void => at('log').append(element('li', {}, text));

const CONSOLE_LINES = 2000;
const lines: string[] = [];

export const drawConsole = (line: string): void => {
  lines.push(line);
  if (lines.length > CONSOLE_LINES) lines.shift();
  const host = at('console');
  host.textContent = lines.join('\n');
  host.scrollTop = host.scrollHeight;
};

export const drawResult = (text: string, good: boolean): void => {
  at('result').textContent = text;
  at('result').className = good ? 'result good' : 'result';
};

const drawHelp = (board: Board): void => {
  const { tried, sections } = boardGuide(board);
  const parts = sections.flatMap(({ title, lines: each }) => [
    element('h3', {}, title),
    element('ul', {}, ...listOf(each)),
  ]);
  at('help').replaceChildren(element('p', { class: 'muted' }, tried), ...parts);
};

/** Guides of the boards that a cable reaches. */
export const prepareHelp = (): void => {
  const all = Object.values(boards).filter(({ bootPath }) => bootPath !== 'virtual');
  const select = at<HTMLSelectElement>('help-board');
  select.append(...all.map(({ name, model }) => element('option', { value: name }, model)));
  const draw = () => drawHelp(boards[select.value]!);
  select.addEventListener('change', draw);
  draw();
};
