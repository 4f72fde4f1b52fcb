#!/usr/bin/env node
/** `velocity-flash`: the same as `velocity flash`. */
import { main } from './load.mjs';

await main(['flash', ...process.argv.slice(2)]);
