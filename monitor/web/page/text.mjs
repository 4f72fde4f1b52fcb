/** Numbers and times as people read them, and small helpers to build the page. */

export const count = (value) => {
  if (value === null || !Number.isFinite(value)) return '–';
  if (value < 10_000) return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
  const units = ['k', 'M', 'G', 'T', 'P'];
  const power = Math.min(Math.floor(Math.log10(value) / 3), units.length);
  return `${(value / 1000 ** power).toFixed(1)}${units[power - 1]}`;
};

export const percent = (share) =>
  share === null ? '–' : share > 0 && share < 0.001 ? '<0.1 %' : `${(share * 100).toFixed(1)} %`;

export const clock = (t) => new Date(t).toLocaleTimeString('en-GB');

/** An element with attributes and children; text is never read as markup. */
export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

export const svg = (name, attributes = {}, ...children) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** Colours follow the order in which modules were first seen, so that one keeps its own. */
const order = [];
export const colourOf = (name) => {
  if (name === undefined) return 'var(--muted)';
  if (!order.includes(name)) order.push(name);
  return `var(--s${order.indexOf(name) % 8})`;
};

/** Steps of a scale that people count in. */
export const niceStep = (range, parts) => {
  const rough = range / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((step) => step * power >= rough) ?? 10);
};
