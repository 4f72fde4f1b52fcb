/** `velocity flash --list`: what is attached and in which mode, and the disks that could be written. */
import {
  type Disk,
  type DiskSystem,
  listAttached,
  listDisks,
  systemDisks,
  type UsbHost,
} from '../../flasher/index.ts';
import type { Context } from '../context.ts';

const usbLines = async ({ output }: Context, host: UsbHost): Promise<number> => {
  const attached = await listAttached(host);
  for (const { device, mode, what, boards, steps } of attached) {
    const names = boards.map(({ name }) => name);
    const which = names.length > 0 ? ` (${names.join(' or ')})` : '';
    output.fact(
      {
        event: 'usb',
        location: device.location,
        ...device.ids,
        mode,
        boards: names,
        serial: device.serial,
        steps,
      },
      `usb   ${device.location.padEnd(14)} ${what}${which}`,
    );
    for (const step of steps) output.print(`        - ${step}`);
  }
  return attached.length;
};

const stateOf = ({ system, mounts, readOnly }: Disk) => {
  if (system) return `system disk (${system})`;
  if (mounts.length > 0) return `mounted at ${mounts.join(', ')}`;
  return readOnly ? 'write protected' : 'can be written';
};

const diskLines = ({ output }: Context, system: DiskSystem): void => {
  if (system.unknown) output.print(`disk  ${system.unknown}`);
  for (const disk of system.unknown ? [] : listDisks(system)) {
    const size = `${(disk.bytes / 1e9).toFixed(1)} GB`;
    const state = stateOf(disk);
    output.fact(
      { event: 'disk', ...disk, writable: state === 'can be written' },
      `disk  ${disk.path.padEnd(14)} ${disk.model}, ${size}: ${state}`,
    );
  }
};

/** Where USB cannot be asked, that is said after the disks. @throws FlashError */
export const listEverything = async (
  context: Context,
  host: UsbHost,
  disks: DiskSystem = systemDisks,
): Promise<void> => {
  try {
    const boards = await usbLines(context, host);
    if (boards === 0) context.output.print('usb   no board in a boot mode is attached');
  } finally {
    diskLines(context, disks);
  }
};
