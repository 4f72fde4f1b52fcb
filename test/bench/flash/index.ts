/** Speed of the flasher, each beside the tool that people would use instead, in one run. */
import { existsSync } from 'node:fs';
import { guestKernelFolder } from '../../../cli/flash-peers.ts';
import { guestTools } from '../../../rig/emulated/guest/boot.ts';
import type { Metric } from '../metric.ts';
import { diskMetrics } from './disk.ts';
import { bootMetrics, FILES } from './usb-boot.ts';

/** What is not at hand is said to `progress` and left out. */
export const flashMetrics = async (progress: (line: string) => void): Promise<Metric[]> => {
  const metrics = await diskMetrics();
  const { tools, missing } = guestTools(guestKernelFolder);
  const lacks = existsSync(FILES) ? missing : [...missing, 'node-raspberrypi-usbboot'];
  if (!tools || lacks.length > 0) {
    progress(`skipped: rpiboot_payload needs ${lacks.join(', ')}`);
    return metrics;
  }
  try {
    return [...metrics, ...(await bootMetrics(tools))];
  } catch (error) {
    progress(`no rpiboot_payload: ${(error as Error).message.split('\n')[0]}`); // what was measured before is kept
    return metrics;
  }
};
