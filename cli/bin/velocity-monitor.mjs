#!/usr/bin/env node
/** `velocity-monitor`: loads the TypeScript sources through tsx. */
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../run.ts');
await main(['monitor', ...process.argv.slice(2)]);
