/** What the demonstration plays with: the module, its input, and how its figures are read off the board. */
import { join } from 'node:path';
import type { ModuleProgram } from '../../ebpf/index.ts';
import { root } from '../../firmware/index.ts';
import type { SigningKey } from '../../firmware/sign.ts';
import type { Telemetry, VelocityLink } from '../../link/index.ts';
import { readProgram } from '../module-file.ts';
import { patchFor, push } from '../patching.ts';

/** A filter with its loop left rolled up, as authors for small boards write it. */
export const MODULE = 'fir';
export const SOURCE = join(root, 'modules/fir/fir.c');
/** What the demonstration's operator allows one call of the filter to cost, in cycles. */
export const BUDGET_CYCLES = 150;
/** Calls that a figure is averaged over. */
const CALLS = 64n;

const SAMPLES_BYTES = 40;

/** Sixteen big-endian samples of a 50 Hz sine, as the converter would send them. */
const sineWindow = (): Uint8Array => {
  const value = Buffer.alloc(SAMPLES_BYTES);
  for (let i = 0; i < 16; i += 1)
    value.writeInt16BE(Math.round(900 * Math.sin((2 * Math.PI * i) / 20)), 2 * i);
  return value;
};

/** Installs the first version of the module and gives it something to filter. */
export const loadModule = async (link: VelocityLink, key: SigningKey): Promise<ModuleProgram> => {
  const program = await readProgram(SOURCE);
  await push(link, await patchFor(link, { program, name: MODULE }, key), key, { canary: false });
  await link.mapWrite('fir_samples', Uint8Array.of(0, 0, 0, 0), sineWindow());
  return program;
};

export const readTelemetry = async (link: VelocityLink): Promise<Telemetry> => {
  const found = (await link.telemetryAll()).find((t) => t.name === MODULE);
  if (!found) throw new Error(`the board no longer runs ${MODULE}`);
  return found;
};

/** Waits until the running version was called often enough, then reads its counters. */
export const settledTelemetry = async (link: VelocityLink, since = 0n): Promise<Telemetry> => {
  for (;;) {
    const telemetry = await readTelemetry(link);
    if (telemetry.calls >= since + CALLS) return telemetry;
  }
};

export const cyclesPerCall = (t: Telemetry): number => Math.round(Number(t.cycles) / Number(t.calls));
