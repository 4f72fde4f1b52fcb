/** From a document to the inside of a page. */
import { Marked, type Token, type Tokens } from 'marked';
import { hrefBetween, type Place, placeInSite, resolveLink } from './pages.ts';

export type Heading = { readonly level: number; readonly id: string; readonly text: string };
/** Text below a heading, for the search. */
export type Passage = { readonly heading: Heading; readonly text: string };

export type Rendered = {
  readonly title: string;
  readonly html: string;
  readonly headings: readonly Heading[];
  readonly passages: readonly Passage[];
  /** Files of the repository that it shows or leads to. */
  readonly uses: readonly Place[];
};

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (found) => escapes[found]!);

/** As GitHub names headings, so that links work here and there. */
const slugger = () => {
  const seen = new Map<string, number>();
  return (text: string): string => {
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  };
};

/** Words of a token, without what marks them up. */
const plainText = (token: Token): string => {
  if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table;
    return [header, ...rows]
      .flat()
      .map((cell) => cell.tokens.map(plainText).join(''))
      .join(' ');
  }
  if (token.type === 'list') return (token as Tokens.List).items.map(plainText).join(' ');
  if (token.type === 'html') return '';
  const inner = (token as { tokens?: Token[] }).tokens;
  return inner ? inner.map(plainText).join('') : ((token as { text?: string }).text ?? '');
};

const passagesOf = (tokens: readonly Token[], headings: readonly Heading[]): Passage[] => {
  const passages: { heading: Heading; text: string }[] = [];
  let next = 0;
  for (const token of tokens) {
    if (token.type === 'heading') passages.push({ heading: headings[next++]!, text: '' });
    else if (token.type !== 'space' && passages.length > 0) passages.at(-1)!.text += ` ${plainText(token)}`;
  }
  return passages.map(({ heading, text }) => ({ heading, text: text.replaceAll(/\s+/g, ' ').trim() }));
};

/** @throws Error where a link of the document leads nowhere */
export const renderDocument = (path: string, markdown: string): Rendered => {
  const page = placeInSite(path);
  const uses: Place[] = [];
  const headings: Heading[] = [];
  const slug = slugger();
  const hrefOf = (href: string): string => {
    const place = resolveLink(path, href);
    if (place.kind === 'elsewhere') return href;
    uses.push(place);
    return hrefBetween(page, placeInSite(place.path), place.hash);
  };
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = tokens.map(plainText).join('');
        const id = slug(text);
        headings.push({ level: depth, id, text });
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}<a class="anchor" href="#${id}" aria-label="Link to this section">#</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        return `<a href="${escapeHtml(hrefOf(href))}">${this.parser.parseInline(tokens)}</a>`;
      },
      image({ href, text }) {
        return `<img src="${escapeHtml(hrefOf(href))}" alt="${escapeHtml(text)}">`;
      },
      html({ text }) {
        return text.replaceAll(
          /\b(src|srcset)="([^"]+)"/g,
          (_, name: string, href: string) => `${name}="${hrefOf(href)}"`,
        );
      },
      table(token) {
        const cells = (row: Tokens.TableCell[], tag: string) =>
          row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('');
        const body = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n');
        return `<div class="scroll" tabindex="0"><table><thead><tr>${cells(token.header, 'th')}</tr></thead><tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  const tokens = marked.lexer(markdown);
  const html = marked.parser(tokens);
  const title = headings.find(({ level }) => level === 1)?.text ?? path;
  return { title, html, headings, uses, passages: passagesOf(tokens, headings) };
};
