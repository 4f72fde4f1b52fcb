/** `velocity flash --install-udev` */
import { boards } from '../../boards/index.ts';
import {
  installUdevRules,
  PermissionError,
  permissionHint,
  UDEV_RELOAD,
  UDEV_RULES_PATH,
  udevRules,
} from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { confirm } from './ask.ts';
import type { FlashOptions } from './options.ts';

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);

export const installUdev = async (
  context: Context,
  { yes, dryRun }: Pick<FlashOptions, 'yes' | 'dryRun'>,
  write = installUdevRules,
  platform = process.platform,
): Promise<void> => {
  if (platform !== 'linux') throw new UsageError('udev is a part of Linux', permissionHint(platform));
  const all = Object.values(boards);
  context.output.print(udevRules(all));
  if (dryRun) return;
  await confirm(context, UDEV_RULES_PATH, `Write this to ${UDEV_RULES_PATH}?`, yes);
  try {
    write(all);
  } catch (cause) {
    if (!DENIED.has((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
    const hint = 'run it as root (sudo), or have the lines above put into that file';
    throw new PermissionError(UDEV_RULES_PATH, { hint, cause });
  }
  context.output.fact(
    { event: 'udev', path: UDEV_RULES_PATH, reload: UDEV_RELOAD },
    `written; now run: sudo sh -c '${UDEV_RELOAD}', and plug the board in again`,
  );
};
