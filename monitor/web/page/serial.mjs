/** The page on its own: boards are read straight from the browser's serial ports, with no server. */
import { webSerialName } from '../../../link/index.ts';
import { followPort } from '../serial-feed.ts';
import { startPage } from './page.mjs';

const store = startPage();
const { serial } = navigator;
const followed = new Set();

/** Each port once; it is opened again by itself when the board comes back. */
const follow = (port) => {
  if (followed.has(port)) return;
  followed.add(port);
  const key = `${webSerialName(port)}, line ${followed.size}`;
  store.take('down', key, 'connecting');
  followPort(port, ({ name, item }) => store.take(name, key, item), new AbortController().signal).catch(
    (error) => store.take('down', key, `${error.message}${error.hint ? `: ${error.hint}` : ''}`),
  );
};

const connect = document.getElementById('connect');
connect.hidden = false;
connect.disabled = !serial;
connect.addEventListener('click', async () => {
  const port = await serial.requestPort().catch(() => undefined); // nothing chosen
  if (port) follow(port);
});
document.getElementById('welcome').textContent = serial
  ? 'Connect a board by its serial line: nothing is installed, and nothing leaves this page.'
  : 'This browser has no Web Serial. Open this page in Chromium, Chrome or Edge, or use velocity monitor.';
for (const port of (await serial?.getPorts()) ?? []) follow(port);
