/** Second stage: answers the board's requests for files until it says that it is done. */
import { BadDeviceError, CancelledError, RefusedError, TimeoutError, UnpluggedError } from '../errors.ts';
import type { Chip } from './chips.ts';
import { type FileSource, forChip, isForEeprom, isUnsafeName, remembering } from './files.ts';
import type { RpibootOptions } from './index.ts';
import { type BootPort, FILE_MESSAGE_BYTES, type FileRequest, parseFileRequest } from './protocol.ts';

export type Served = {
  /** Names of files that the board took whole. */
  readonly files: readonly string[];
  /** Names it asked for that no source has: normal, boards look for many. */
  readonly missing: readonly string[];
  /** What the board reports about itself: BCM2711 and BCM2712 send `*KEY*VALUE` in place of names. */
  readonly metadata: Readonly<Record<string, string>>;
};

type State = { files: Set<string>; missing: Set<string>; metadata: Record<string, string> };

const causes = [
  'the second stage stopped: look at the serial console (uart_2ndstage=1 in config.txt)',
  'the firmware folder does not fit the board',
  'the cable or a hub is unreliable',
  'an earlier try was ended in the middle, and the board waits for the rest: unplug it, and put it into its boot mode again',
];

/** Boards that come up leave USB without a word: the end, unless something they need is still to be sent. */
const isLeaving = (error: unknown) => error instanceof UnpluggedError;

const lacking = (options: RpibootOptions, state: State) =>
  (options.required ?? []).filter((name) => !state.files.has(name));

const nextRequest = async (port: BootPort, state: State, options: RpibootOptions) => {
  try {
    return parseFileRequest(port.device.name, await port.read(FILE_MESSAGE_BYTES));
  } catch (error) {
    if (isLeaving(error) && state.files.size > 0 && lacking(options, state).length === 0) return undefined;
    if (!(error instanceof TimeoutError)) throw error;
    const limit = options.limits?.requestMs ?? 20_000;
    throw new TimeoutError(port.device.name, 'its next request for a file', limit, causes, { cause: error });
  }
};

/** Boards ask for less than a hundred files, each twice. */
const MOST_REQUESTS = 10_000;
const endless = (port: BootPort) =>
  new BadDeviceError(port.device.name, `asked for files ${MOST_REQUESTS} times, and did not come to an end`);

const METADATA = /^\*([^*]+)\*(.*)$/;

/** @returns whether the name was metadata */
const takeMetadata = ({ name }: FileRequest, chip: Chip, state: State): boolean => {
  const [, key, value] = (chip.sendsMetadata && METADATA.exec(name)) || [];
  if (key === undefined) return false;
  state.metadata[key] = value ?? '';
  return true;
};

const unsafe = (port: BootPort, name: string) =>
  new BadDeviceError(port.device.name, `asked for ${JSON.stringify(name)}, which leads out of the folder`, {
    hint: 'nothing was sent; do not connect this board again if you do not know where its firmware comes from',
  });

const answer = async (
  port: BootPort,
  { command, name }: FileRequest,
  source: FileSource,
  state: State,
  options: RpibootOptions,
) => {
  if (isUnsafeName(name)) throw unsafe(port, name);
  const bytes = isForEeprom(name) ? undefined : await source.read(name);
  if (!bytes) {
    state.missing.add(name);
    options.onEvent?.({ event: 'missing', file: name });
    return port.announce(0);
  }
  if (command === 'size') return port.announce(bytes.length);
  const total = bytes.length;
  options.onEvent?.({ event: 'send', stage: 'files', file: name, done: 0, total });
  await port.write(bytes, (done) =>
    options.onEvent?.({ event: 'send', stage: 'files', file: name, done, total }),
  );
  state.files.add(name);
};

const WRITES_EEPROM =
  "what it was sent as its second stage writes the boot EEPROM, and got nothing to write: name another folder than usbboot's recovery";

const checkComplete = (port: BootPort, state: State, options: RpibootOptions) => {
  const names = lacking(options, state);
  if (names.length === 0) return;
  throw new RefusedError(port.device.name, `the board did not take ${names.join(', ')}`, {
    hint: [...state.missing].some(isForEeprom)
      ? WRITES_EEPROM
      : `it took ${[...state.files].join(', ') || 'nothing'}; check config.txt and that the firmware fits the board`,
  });
};

/** @throws UnpluggedError, TimeoutError, StalledError, BadDeviceError, RefusedError when a required file was not taken */
export const serveFiles = async (port: BootPort, chip: Chip, options: RpibootOptions): Promise<Served> => {
  const state: State = { files: new Set(), missing: new Set(), metadata: {} };
  const source = remembering(forChip(options.source, chip));
  for (let requests = 0; ; requests++) {
    if (requests === MOST_REQUESTS) throw endless(port);
    if (options.signal?.aborted) throw new CancelledError(port.device.name, 'serving files');
    const request = await nextRequest(port, state, options);
    if (!request) break;
    if (request.command === 'done' || request.name === '') {
      if (request.command !== 'done') await port.announce(0);
      break;
    }
    if (takeMetadata(request, chip, state)) await port.announce(0);
    else await answer(port, request, source, state, options);
  }
  checkComplete(port, state, options);
  return { files: [...state.files], missing: [...state.missing], metadata: state.metadata };
};
