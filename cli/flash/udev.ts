/** `velocity flash --install-udev` */
import { boards } from '../../boards/index.ts';
import { installUdevRules, UDEV_RELOAD, UDEV_RULES_PATH, udevRules } from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { confirm } from './ask.ts';

export const installUdev = async (context: Context, yes: boolean | undefined): Promise<void> => {
  const all = Object.values(boards);
  context.output.print(udevRules(all));
  await confirm(context, UDEV_RULES_PATH, `Write this to ${UDEV_RULES_PATH}?`, yes);
  installUdevRules(all);
  context.output.fact(
    { event: 'udev', path: UDEV_RULES_PATH, reload: UDEV_RELOAD },
    `written; now run: sudo sh -c '${UDEV_RELOAD}', and plug the board in again`,
  );
};
