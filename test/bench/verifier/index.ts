/** The benchmark of the verifier: what the search costs here, what the check costs on the board. */
export { measureVerifier, type Row } from './measure.ts';
export { drawing, page, rowTable, verifierMetrics } from './page.ts';
