/** The web page in a headless browser, where one is installed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { root } from '../../firmware/index.ts';
import { emptyState, makeHub, serve, take, textRoute, webRoutes } from '../../monitor/index.ts';
import { entries } from '../../monitor/test/samples.ts';

const run = promisify(execFile);

const findBrowser = async () => {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = await run(name, ['--version']).catch(() => undefined);
    if (found) return name;
  }
  process.stderr.write(
    'test/monitor: chromium is not installed; the test of the web page in it is skipped\n',
  );
  return undefined;
};

const browser = await findBrowser();

/** The browser prints the page when it is loaded; this image is the last thing it waits for. */
const HOLD = '<img src="hold" alt="">';
/** Time to draw what the feed told. */
const DRAW_MS = 1500;

const servePage = async () => {
  const hub = makeHub();
  const routes = webRoutes(hub);
  const page = readFileSync(join(root, 'monitor/web/page/page.html'), 'utf8').replace(
    '</body>',
    `${HOLD}</body>`,
  );
  let release = () => {};
  const fed = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = await serve(
    { host: '127.0.0.1', port: 0 },
    {
      ...routes,
      '/': textRoute('text/html; charset=utf-8', () => page),
      '/hold': (_, response) => void fed.then(() => setTimeout(() => response.end(), DRAW_MS)),
      '/feed': (request, response) => {
        routes['/feed']!(request, response);
        release();
      },
    },
  );
  let state = emptyState;
  for (const entry of entries.slice(0, 4)) {
    state = take(state, entry);
    hub.take(entry, state);
  }
  return server;
};

(browser ? test : test.skip)('the page shows in a browser what the board told', async (t) => {
  const server = await servePage();
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
  const safety = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${folder}`];
  const flags = [...safety, '--enable-logging=stderr', '--dump-dom'];
  const { stdout, stderr } = await run(browser!, [...flags, server.url], { timeout: 60_000 });
  t.notRegex(stderr, /CONSOLE.*(error|refused|violates)/i);
  t.regex(stdout, /id="status"[^>]*>live</);
  t.regex(stdout, /<tr aria-selected="true">.*fir.*2 · cdcdcdcd/);
  t.regex(stdout, /fir version 3 taken back/);
  t.regex(stdout, /class="heat"/);
  t.regex(stdout, /ready on &lt;b&gt;/);
});
