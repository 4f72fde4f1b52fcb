/** Several boards side by side: each on its own, whatever becomes of the others. */
import { type Attached, FlashError, NoDeviceError, type UsbHost } from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { type Failure, failureOf, OutcomeError, UsageError } from '../failure.ts';
import { Output } from '../output.ts';
import { flashAttached, meantBy, stepsFor } from './attached.ts';
import type { FlashOptions } from './options.ts';

/** A line of progress for each board that is under way. */
class Lines {
  readonly #output: Output;
  readonly #of = new Map<string, string>();

  constructor(output: Output) {
    this.#output = output;
  }

  set(name: string, text: string | undefined): void {
    if (text === undefined) this.#of.delete(name);
    else this.#of.set(name, text);
    this.#output.progress([...this.#of].map(([board, line]) => `${board}: ${line}`).join('\n'));
  }
}

/** What one board says, with its place in front. */
class BoardOutput extends Output {
  readonly #to: Output;
  readonly #lines: Lines;
  readonly #location: string;

  constructor(to: Output, lines: Lines, location: string) {
    super(to.json);
    this.#to = to;
    this.#lines = lines;
    this.#location = location;
  }

  override fact(value: object, line: string): void {
    this.#to.fact({ location: this.#location, ...value }, `${this.#location}: ${line}`);
  }

  override print(line: string): void {
    this.#to.print(`${this.#location}: ${line}`);
  }

  override progress(text: string): void {
    this.#lines.set(this.#location, text);
  }

  override note(line: string): void {
    this.#to.note(`${this.#location}: ${line}`);
  }

  override fail(failure: Failure): void {
    this.#to.fail({ ...failure, message: `${this.#location}: ${failure.message}` });
  }
}

const check = (options: FlashOptions) => {
  if (options.port)
    throw new UsageError('--all and --port: a line belongs to one board', 'leave --port away');
  if (options.usb) throw new UsageError('--all and --usb contradict each other', 'leave one away');
  if (options.massStorage)
    throw new UsageError(
      '--all and --mass-storage: which disk belongs to which board cannot be told',
      'one after the other: --usb LOCATION',
    );
  if (options.partition && !options.yes)
    throw new UsageError(
      'nobody can answer for several boards at once',
      'add --yes if all may be overwritten',
    );
};

/** Its failure, if any; a cancelled one is no board's fault. */
const flashOne = async (
  context: Context,
  lines: Lines,
  host: UsbHost,
  one: Attached,
  options: FlashOptions,
): Promise<Failure | undefined> => {
  const output = new BoardOutput(context.output, lines, one.device.location);
  try {
    await flashAttached({ ...context, output }, host, one, options);
    return undefined;
  } catch (error) {
    const failure = failureOf(error);
    output.fail(failure);
    return failure;
  } finally {
    lines.set(one.device.location, undefined);
  }
};

const worst = (failures: readonly Failure[], total: number) => {
  const codes = new Set(failures.map(({ code }) => code));
  const [first] = failures;
  const message = `${failures.length} of ${total} boards were not flashed`;
  if (codes.size > 1 || !first) return new OutcomeError('failed', message);
  return new FlashError(first.code, 'all boards', message, { hint: 'see above; the others are done' });
};

/** @throws OutcomeError when boards failed for different reasons, else an error with the code that they have in common */
export const flashAll = async (context: Context, host: UsbHost, options: FlashOptions): Promise<void> => {
  check(options);
  const found = await meantBy(host, options);
  const name = options.board ?? 'a board on USB';
  if (found.length === 0) throw new NoDeviceError(name, { hint: stepsFor(options.board) });
  const lines = new Lines(context.output);
  const outcomes = await Promise.all(found.map((one) => flashOne(context, lines, host, one, options)));
  const failures = outcomes.filter((failure) => failure !== undefined);
  const done = found.length - failures.length;
  context.output.fact(
    { event: 'all', boards: found.length, flashed: done, failed: failures.length },
    `${done} of ${found.length} boards flashed`,
  );
  if (failures.length > 0) throw worst(failures, found.length);
};
