/** What scrapers are told, in the format that they ask for. */
import { type Route, textRoute } from './http.ts';
import { CLASSIC_CONTENT_TYPE, CONTENT_TYPE, classicMetrics, openMetrics } from './openmetrics.ts';
import type { MonitorState } from './state.ts';

const HEADERS = { 'Cache-Control': 'no-store', Vary: 'Accept' };

/** `boards` as they are when somebody asks, by their ports. */
export const metricsRoute = (boards: ReadonlyMap<string, MonitorState>): Route => {
  const open = textRoute(CONTENT_TYPE, () => openMetrics(boards), HEADERS);
  const classic = textRoute(CLASSIC_CONTENT_TYPE, () => classicMetrics(boards), HEADERS);
  return (request, response) => {
    const route = request.headers.accept?.includes('application/openmetrics-text') ? open : classic;
    return route(request, response);
  };
};
