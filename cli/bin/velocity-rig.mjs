#!/usr/bin/env node
/** `velocity-rig`: the same as `velocity rig`. */
import { main } from './load.mjs';

await main(['rig', ...process.argv.slice(2)]);
