#!/usr/bin/env node
/** `velocity-monitor`: the same as `velocity monitor`. */
import { main } from './load.mjs';

await main(['monitor', ...process.argv.slice(2)]);
