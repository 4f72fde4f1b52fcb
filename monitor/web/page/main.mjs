/** The page as a monitor serves it: news comes from there. */
import { followFeed } from './feed.mjs';
import { startPage } from './page.mjs';
import { startPatches } from './patches.mjs';

const store = startPage();
followFeed({
  take: (name, news) => (name === 'all' ? store.all(news) : store.take(name, news.key, news.item)),
  lost: (why) => store.lost(why),
});
startPatches(store);
