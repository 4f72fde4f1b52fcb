/**
 * `node --import` of this file lets Node.js load our TypeScript, as tsx does for all there is. Ours has no paths to guess and no
 * CommonJS: the command starts in two thirds of the time.
 */
import { register } from 'node:module';

register('./load.mjs', import.meta.url);
process.setSourceMapsEnabled(true);
