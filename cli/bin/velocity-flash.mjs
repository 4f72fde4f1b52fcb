#!/usr/bin/env node
/** `velocity-flash`: loads the TypeScript sources through tsx. */
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../run.ts');
await main(['flash', ...process.argv.slice(2)]);
