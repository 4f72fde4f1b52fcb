/** Why something failed, as the rig understands it: a stable code, one sentence, and the facts it rests on. */

export const causes = {
  power_command: 'the command that switches its power failed',
  flash_failed: 'the image did not get onto the board',
  wrong_image: 'the image or device tree is not for this board',
  wrong_board: 'another board answers than the one named in the bench file',
  wrong_build: 'the board runs another build than the one that was flashed',
  no_port: 'its serial port cannot be opened',
  silent: 'nothing arrives from the board',
  hangs_at_boot: 'the kernel starts and never gets ready',
  stops_at_boot: 'the kernel gave up at a level of its start-up, and said so',
  emulator_died: 'the emulator ended by itself',
  line_loses_bytes: 'the serial line loses bytes',
  line_garbles: 'the serial line changes bytes',
  resets_by_itself: 'the board restarted and nobody asked for it',
  crashed: 'the kernel crashed and restarted',
  leaks_reference: 'a module that is gone is still held',
  loses_memory: 'memory is not given back',
  loses_events: 'events were lost or counted twice',
  time_stalls: 'its time does not go on',
  missed_ticks: 'the timer hook missed ticks',
  loses_state: 'the state of a map changed where it must not',
  wrong_answer: 'the board gave a wrong result',
  no_answer: 'the board does not answer',
  refused: 'the board refused what it should accept',
  accepted: 'the board accepted what it should refuse',
  rig: 'the rig itself failed',
} as const;

export type CauseCode = keyof typeof causes;

export type Cause = {
  readonly code: CauseCode;
  /** What exactly, with numbers. */
  readonly sentence: string;
  /** What to do or look at. */
  readonly advice?: string;
};

/** A test found out by itself why it fails. */
export class CauseError extends Error {
  readonly found: Cause;
  constructor(code: CauseCode, sentence: string, advice?: string) {
    super(sentence);
    this.name = 'CauseError';
    this.found = { code, sentence, ...(advice ? { advice } : {}) };
  }
}

/** Which cause explains the others: an earlier one makes the later ones follow. */
const order: readonly CauseCode[] = [
  'power_command',
  'flash_failed',
  'no_port',
  'emulator_died',
  'wrong_image',
  'stops_at_boot',
  'hangs_at_boot',
  'silent',
  'wrong_board',
  'wrong_build',
  'crashed',
  'resets_by_itself',
  'line_loses_bytes',
  'line_garbles',
];

const rank = ({ code }: Cause) => {
  const at = order.indexOf(code);
  return at < 0 ? order.length : at;
};

/** The cause that explains most of these; the first of equals. */
export const rootCause = (found: readonly Cause[]): Cause | undefined =>
  found.reduce<Cause | undefined>(
    (best, cause) => (best && rank(best) <= rank(cause) ? best : cause),
    undefined,
  );
