#!/usr/bin/env node
/** `velocity`. */
import { main } from './load.mjs';

await main(process.argv.slice(2));
