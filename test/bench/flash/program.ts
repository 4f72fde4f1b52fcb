/** Runs in a guest: sends a folder of boot files to the board on the first port by `rpiboot`. */
import { folderSource, nodeUsb, rpiboot, waitForDevice } from '../../../flasher/index.ts';

const host = nodeUsb();
const device = await waitForDevice(host, ({ location }) => location.endsWith('-1'), {
  what: 'the board',
  timeoutMs: 30_000,
});
const limits = { controlMs: 10_000, bulkMs: 60_000, requestMs: 60_000, reappearMs: 60_000 };
await rpiboot(host, device, { source: folderSource(process.argv[2]!), limits, required: ['kernel7.img'] });
