/** `node --import cli/typescript/register.mjs`: Node.js loads our TypeScript, and errors name the lines of what we wrote. */
import { readFileSync } from 'node:fs';
import { register, SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { keptAt } from './hooks.mjs';

register('./hooks.mjs', import.meta.url);

const maps = new Map();

const readMap = (url) => {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${keptAt(fileURLToPath(url))}.map`, 'utf8')));
  } catch {
    return undefined;
  }
};

const mapOf = (url) => {
  if (!maps.has(url)) maps.set(url, readMap(url));
  return maps.get(url);
};

const inSource = (place, url, line, column) => {
  const { originalLine, originalColumn } = mapOf(url)?.findEntry(line - 1, column - 1) ?? {};
  return originalLine === undefined ? place : `${url}:${originalLine + 1}:${originalColumn + 1}`;
};

/** Maps are read when an error is looked at: Node.js, told to use them, reads each with its file. */
Error.prepareStackTrace = (error, sites) => {
  const places = sites.map((site) => `${site}`.replace(/(file:[^\s?#]*\.ts):(\d+):(\d+)/, inSource));
  return [Error.prototype.toString.call(error), ...places.map((place) => `    at ${place}`)].join('\n');
};
