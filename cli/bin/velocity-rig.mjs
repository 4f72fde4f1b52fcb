#!/usr/bin/env node
/** `velocity-rig`: loads the TypeScript sources through tsx. */
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../run.ts');
await main(['rig', ...process.argv.slice(2)]);
