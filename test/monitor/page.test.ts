/** The web page in a headless browser, where one is installed. */
import test from 'ava';
import { emptyState, makeHub, serve, take, webRoutes } from '../../monitor/index.ts';
import { entries } from '../../monitor/test/samples.ts';
import { Browser, chromium } from '../web/chromium.ts';

const servePage = async () => {
  const hub = makeHub();
  const server = await serve({ host: '127.0.0.1', port: 0 }, webRoutes(hub));
  let state = emptyState;
  for (const entry of entries.slice(0, 4)) {
    state = take(state, entry);
    hub.take(entry, state);
  }
  return server;
};

(chromium ? test : test.skip)('the page shows in a browser what the board told', async (t) => {
  t.timeout(300_000);
  const server = await servePage();
  const browser = new Browser(chromium!);
  t.teardown(async () => {
    await browser.close();
    await server.close();
  });
  const page = await browser.page();
  await page.open(server.url);
  await page.says('#status', /live/);
  await page.until(
    `document.querySelector('tr[aria-selected="true"]')?.textContent.includes('2 · cdcdcdcd')`,
  );
  await page.says('#events', /fir version 3 taken back/);
  await page.until(`document.querySelector('.heat')`);
  await page.says('#console', /ready on <b>/);
  t.deepEqual(page.problems, []);
});
