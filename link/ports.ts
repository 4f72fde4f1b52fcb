/** Serial ports of this machine that a board may be behind. */
import { readdirSync } from 'node:fs';
import { systemBinding } from './binding.ts';

/** What is known of a port: USB adapters have a vendor. */
export type PortFacts = { readonly path: string; readonly vendorId?: string | undefined };
export type ListPorts = () => Promise<readonly PortFacts[]>;

const DEVICES = '/dev';

/** Where udev does not run, in containers above all, names are all there is. */
const byName = (): PortFacts[] =>
  readdirSync(DEVICES)
    .sort()
    .map((name) => ({ path: `${DEVICES}/${name}` }));

const ofMachine: ListPorts = async () => {
  const found = await systemBinding()
    .then((binding) => binding.list())
    .catch(() => []);
  return found.length > 0 || process.platform !== 'linux' ? found : byName();
};

/** USB adapters and the UARTs of small computers; the ttyS ports of PCs are there whether or not anything is behind them. */
const LIKELY = /\/(tty(USB|ACM|AMA|THS)\d+|cu\.usb\S+)$/;

/** Paths of ports that are likely to lead to a board, by name. */
export const likelyPorts = async (list: ListPorts = ofMachine): Promise<readonly string[]> =>
  (await list())
    .filter(({ path, vendorId }) => vendorId !== undefined || LIKELY.test(path))
    .map(({ path }) => path)
    .sort();
