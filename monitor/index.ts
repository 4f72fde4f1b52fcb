/** Read-only views of boards. */
export type { Content, Entry, Pace, Reading, Sink, Told } from './entry.ts';
export {
  type ListenAddress,
  ListenError,
  listenAddress,
  type Routes,
  type Served,
  type Sockets,
  serve,
  textRoute,
} from './http.ts';
export { metricsRoute } from './metrics-route.ts';
export { CONTENT_TYPE, classicMetrics, openMetrics } from './openmetrics.ts';
export { PerfettoTrace } from './perfetto/trace.ts';
export { flameGraph } from './profile/flame-graph.ts';
export { pprof } from './profile/pprof.ts';
export { folded, type Places, type Stack, stacksOf } from './profile/stacks.ts';
export { BoardReader, type ReadOptions, type RunsTaken } from './reader.ts';
export {
  encodeTold,
  entriesOf,
  openRecorder,
  type Recorder,
  RecordingError,
} from './recording.ts';
export { occupied, percentile, sparkline } from './sparkline.ts';
export * from './state.ts';
export type { Boards } from './terminal/board.ts';
export { type Action, chosen, emptyScreen, type Key, press, type Screen } from './terminal/keys.ts';
export { renderPlain } from './terminal/plain.ts';
export { Scrollback } from './terminal/scrollback.ts';
export { textOf, visible } from './terminal/styled.ts';
export { type Display, type Keyboard, Terminal } from './terminal/terminal.ts';
export { boardText, compose, consoleEnd, layout, type Shown, shownRows } from './terminal/view.ts';
export { type Hub, makeHub } from './web/hub.ts';
export { SAFETY, staticRoute, styleRoute, webRoutes } from './web/routes.ts';
export { staticPage } from './web/static.ts';
