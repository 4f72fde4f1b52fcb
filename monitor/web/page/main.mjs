/** The page as a monitor serves it: news comes from there. The browser opens a lost connection again by itself. */
import { startPage } from './page.mjs';
import { startPatches } from './patches.mjs';
import { newsNames } from './store.mjs';

const store = startPage();
const feed = new EventSource('feed');
feed.addEventListener('all', ({ data }) => store.all(JSON.parse(data)));
for (const name of newsNames) {
  feed.addEventListener(name, ({ data }) => {
    const { key, item } = JSON.parse(data);
    store.take(name, key, item);
  });
}
feed.onerror = () => store.lost('the monitor does not answer');
startPatches(store);
