/** A board straight from a browser's serial port: read, told as news, and connected again when it comes back. */
import { openWebSerial, type VelocityLink, type WebSerialPort, withReconnect } from '../../link/index.ts';
import { BoardReader } from '../reader.ts';
import { emptyState, take } from '../state.ts';
import { type News, newsOf } from './news.ts';

const INTERVAL_MS = 1000;
/** A board behind a port runs already, or was started a moment ago. */
const READY_TIMEOUT_MS = 5000;

/** Ends by the signal only. @throws AbiMismatchError where the board is of another release */
export const followPort = (
  port: WebSerialPort,
  tell: (news: News) => void,
  signal: AbortSignal,
): Promise<void> => {
  let state = emptyState;
  const reader = new BoardReader(
    (entry) => {
      state = take(state, entry);
      tell(newsOf(entry, state));
    },
    { intervalMs: INTERVAL_MS, count: Number.POSITIVE_INFINITY },
  );
  const open = async () => reader.connect(await openWebSerial(port), READY_TIMEOUT_MS);
  const follow = (link: VelocityLink) => reader.follow(link, signal);
  return withReconnect(open, follow, {
    signal,
    waitForFirst: true,
    onDown: (cause) => reader.tell({ kind: 'down', why: cause.message }),
  });
};
