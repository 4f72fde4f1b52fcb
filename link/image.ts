/** SMP group 1, image management (Zephyr smp_group_1.rst): slots that a board keeps kernel images in, and its memory. */
import { createHash } from 'node:crypto';
import { imageCommands, imageNumbers, slotStates } from '../abi/index.ts';
import { RefusedError } from './errors.ts';
import { sendStaged } from './stage.ts';

export type UploadLimits = {
  /** The answer to a chunk: 4 kB at 9600 baud are 6 s. */
  readonly chunkMs: number;
  /** The answer to the last one: reading an image back and checking it takes the board a while. */
  readonly lastMs: number;
};

export const uploadLimits: UploadLimits = { chunkMs: 7000, lastMs: 20_000 };

export type SlotState = keyof typeof slotStates;

/** What an image is for: a slot of the boot medium, or a start from memory. */
export type ImagePlace = keyof typeof imageNumbers;

export type ImageSlot = {
  readonly place: ImagePlace;
  readonly slot: number;
  readonly version: string;
  /** SHA-256 of the update file. */
  readonly hash: Uint8Array;
  /** It runs. */
  readonly active: boolean;
  /** It is started when none is to be tested. */
  readonly permanent: boolean;
  readonly state: SlotState;
};

/** Sends one command of the group; answers with what `read` makes of the decoded map. */
export type AskImage = <T>(
  op: 'read' | 'write',
  id: number,
  value: object,
  what: string,
  read: (reply: Readonly<Record<string, unknown>>) => T,
  more?: { timeoutMs?: number; retries?: number },
) => Promise<T>;

const stateOf = (value: unknown): SlotState =>
  (Object.keys(slotStates) as SlotState[]).find((name) => slotStates[name].value === Number(value)) ??
  'empty';

const bytesIn = (value: unknown): Uint8Array => {
  if (value instanceof Uint8Array) return value;
  throw new TypeError('no bytes');
};

/** @throws TypeError where it is no list of images */
const slotsIn = (reply: Readonly<Record<string, unknown>>): ImageSlot[] =>
  ((reply.images ?? []) as Record<string, unknown>[]).map((one) => ({
    place: Number(one.image ?? 0) === imageNumbers.memory ? 'memory' : 'slots',
    slot: Number(one.slot),
    version: String(one.version),
    hash: bytesIn(one.hash),
    active: one.active === true,
    permanent: one.permanent === true,
    state: stateOf(one.state),
  }));

const OLDER =
  'an image is numbered by the clock of the machine that signs it: set that clock right and sign anew, or choose a higher number with `velocity update … --sequence`';

/** Images have another remedy than patches. */
const ofImage = (error: unknown): unknown =>
  error instanceof RefusedError && error.status === 'older_sequence'
    ? new RefusedError('image upload', error, OLDER)
    : error;

export class ImageSlots {
  readonly #ask: AskImage;

  constructor(ask: AskImage) {
    this.#ask = ask;
  }

  /** Slots that hold something, and the image in memory. */
  state = async (): Promise<ImageSlot[]> =>
    this.#ask('read', imageCommands.state, {}, 'image state', slotsIn);

  /**
   * Sends an update file into the slot that is free for it, or into memory, and goes on where an earlier attempt stopped.
   * Its hash.
   */
  async upload(
    file: Uint8Array,
    onProgress?: (done: number, total: number) => void,
    place: ImagePlace = 'slots',
    limits: UploadLimits = uploadLimits,
  ): Promise<Uint8Array> {
    const sha = createHash('sha256').update(file).digest();
    const image = imageNumbers[place];
    const send = async (chunk: { off: number; data: Uint8Array }) => {
      const last = chunk.off + chunk.data.length >= file.length;
      const more = { timeoutMs: last ? limits.lastMs : limits.chunkMs, retries: 1 };
      const value = { image, ...chunk };
      const placeIn = (reply: Readonly<Record<string, unknown>>) => ({ off: Number(reply.off) });
      return this.#ask('write', imageCommands.upload, value, 'image upload', placeIn, more);
    };
    await sendStaged(send, file, sha, onProgress).catch((error: unknown) => {
      throw ofImage(error);
    });
    return sha;
  }

  /** Has this image started at the next reset, on trial; from memory: once, in place of the reset. */
  test = async (hash: Uint8Array, place: ImagePlace = 'slots'): Promise<ImageSlot[]> => {
    const value = { hash, confirm: false, image: imageNumbers[place] };
    return this.#ask('write', imageCommands.state, value, 'image test', slotsIn);
  };

  /** Keeps what runs. */
  confirm = async (): Promise<ImageSlot[]> =>
    this.#ask('write', imageCommands.state, { confirm: true }, 'image confirm', slotsIn);

  erase = async (): Promise<void> => {
    await this.#ask('write', imageCommands.erase, {}, 'image erase', () => {});
  };
}
