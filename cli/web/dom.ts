/** Small helpers to build a page. Text is never read as markup. */

/** The element of the page with this id. */
export const at = <T extends HTMLElement = HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found as T;
};

export const element = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

export const show = (id: string, shown: boolean): void => {
  at(id).hidden = !shown;
};

export const listOf = (lines: readonly string[]): HTMLLIElement[] =>
  lines.map((line) => element('li', {}, line));
