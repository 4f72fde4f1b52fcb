/** Search over all pages, in the browser alone. `velocitySearch` is a list of [page, heading, anchor, text]. */
(() => {
  const input = document.getElementById('search');
  const found = document.getElementById('found');
  const { root } = document.documentElement.dataset;
  const most = 20;
  const entries = velocitySearch.map(([page, heading, anchor, text]) => ({
    page,
    heading,
    anchor,
    text,
    inHeading: heading.toLowerCase(),
    inText: text.toLowerCase(),
  }));

  const rank = ({ inHeading, inText }, words) => {
    let total = 0;
    for (const word of words) {
      const score = inHeading.includes(word) ? 10 : inText.includes(word) ? 1 : 0;
      if (score === 0) return 0;
      total += score;
    }
    return total;
  };

  const excerpt = ({ text, inText }, words) => {
    const at = Math.max(0, inText.indexOf(words[0]) - 40);
    return `${at > 0 ? '…' : ''}${text.slice(at, at + 160)}`;
  };

  const itemOf = (entry, words) => {
    const link = document.createElement('a');
    link.href = `${root}${entry.page}#${entry.anchor}`;
    link.append(entry.heading);
    const item = document.createElement('li');
    item.append(link, document.createElement('br'), excerpt(entry, words));
    return item;
  };

  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const ranked = entries.map((entry) => ({ entry, score: words.length > 0 ? rank(entry, words) : 0 }));
    const best = ranked.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
    const items = best.slice(0, most).map(({ entry }) => itemOf(entry, words));
    found.replaceChildren(...items);
    if (words.length > 0 && items.length === 0) found.append('nothing');
    found.hidden = words.length === 0;
  });
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape') found.hidden = true;
    if (event.key !== '/' || event.target.matches('input')) return;
    event.preventDefault();
    input.focus();
  });
})();
