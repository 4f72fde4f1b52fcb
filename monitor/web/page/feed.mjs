/** News from a monitor over a WebSocket, which is opened again when it is lost. */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

const address = () => {
  const url = new URL('feed', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
};

/** Calls `take` with the name and the content of each message, and `lost` when there is nobody who sends any. */
export const followFeed = ({ take, lost }) => {
  let pause = FIRST_PAUSE_MS;
  const open = () => {
    const socket = new WebSocket(address());
    socket.addEventListener('message', ({ data }) => {
      pause = FIRST_PAUSE_MS;
      take(...JSON.parse(data));
    });
    socket.addEventListener('close', () => {
      lost('the monitor does not answer');
      setTimeout(open, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    });
  };
  open();
};
