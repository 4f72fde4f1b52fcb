/** `velocity flash --web`: the flasher as a page, for a browser with WebUSB and Web Serial. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { boards } from '../../boards/index.ts';
import { compileDeviceTree, paths } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { type ListenAddress, serve } from '../../monitor/index.ts';
import type { Context } from '../context.ts';
import { flashRoutes } from '../web/flash/routes.ts';
import { prepareAny } from './image.ts';
import type { FlashOptions } from './options.ts';
import { forgetUpdate, updateBytes } from './serial.ts';

/** Of the boards that a cable reaches; an emulated one gets its own otherwise. */
const deviceTrees = async (): Promise<Record<string, string>> => {
  const own = Object.values(boards).filter(({ dts, bootPath }) => dts && bootPath !== 'virtual');
  const compiled = own.map(async ({ name, dts }) => [name, await compileDeviceTree(dts!)] as const);
  return Object.fromEntries(await Promise.all(compiled));
};

const FOREVER_MS = 2 ** 31 - 1;

export const flashWeb = async (context: Context, address: ListenAddress, options: FlashOptions) => {
  const { output, cleanup } = context;
  const prepared = await prepareAny(context, options);
  const routes = await flashRoutes({
    manifest: readFileSync(options.image ?? paths.manifest, 'utf8'),
    image: prepared.image.bytes,
    update: () => updateBytes(prepared, options),
    updateAnew: () => {
      forgetUpdate(options);
      return updateBytes(prepared, options);
    },
    key: chosenKey(options.key).publicKey,
    trees: await deviceTrees(),
    firmwareDir: options.firmwareDir,
  });
  const server = await serve(address, routes);
  cleanup.add(server.close);
  output.fact(
    { event: 'serving', what: 'flasher', url: server.url },
    `open ${server.url} in Chromium, Chrome or Edge; Ctrl-C ends`,
  );
  await sleep(FOREVER_MS, undefined, { signal: cleanup.signal }).catch(() => {});
};
