/** Read-only views of boards. */
export { occupied, percentile, sparkline } from './sparkline.ts';
export * from './state.ts';
export { render, renderPlain } from './view.ts';
