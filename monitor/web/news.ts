/** What pages are told: an entry becomes a piece of news under the name of its board. */
import { statusOf } from '../../abi/index.ts';
import type { BoardEvent } from '../../link/index.ts';
import type { Entry } from '../entry.ts';
import type { MonitorState } from '../state.ts';
import { type Point, pointOf } from './points.ts';

const eventOf = (t: number, { kind, name, version, reason, before, after, text }: BoardEvent) => ({
  t,
  kind,
  name,
  version,
  reason: reason === 0 ? '' : statusOf(reason).name,
  before: Number(before),
  after: Number(after),
  text,
});

export type Line = { readonly t: number; readonly line: string };
export type PageEvent = ReturnType<typeof eventOf>;

export type News =
  | { readonly name: 'point'; readonly item: Point }
  | { readonly name: 'board'; readonly item: PageEvent }
  | { readonly name: 'console'; readonly item: Line }
  | { readonly name: 'down'; readonly item: string };

/** `state` is the one after the entry. */
export const newsOf = (entry: Entry, state: MonitorState): News => {
  if (entry.kind === 'reading') return { name: 'point', item: pointOf(state) };
  if (entry.kind === 'event') return { name: 'board', item: eventOf(entry.time_ms, entry.event) };
  if (entry.kind === 'console') return { name: 'console', item: { t: entry.time_ms, line: entry.line } };
  return { name: 'down', item: entry.why };
};
