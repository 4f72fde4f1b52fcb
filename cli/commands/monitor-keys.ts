/** The keyboard of the terminal view. */
import { emitKeypressEvents } from 'node:readline';
import { type Action, press } from '../../monitor/index.ts';
import type { Context } from '../context.ts';
import type { LiveScreen } from '../monitor-printer.ts';
import type { BoardFeed } from './monitor-feed.ts';

type Keypress = { readonly name?: string; readonly ctrl?: boolean; readonly sequence?: string };

const perform = async (action: Action, context: Context, screen: LiveScreen, feed: BoardFeed) => {
  if (action.kind === 'quit') return context.cleanup.abort();
  const note =
    action.kind === 'rollback' ? await feed.rollback(action.module) : await feed.command(action.line);
  screen.change((now) => ({ ...now, note }));
};

/** Takes the keyboard; the function returned gives it back. Without one, nothing happens. */
export const watchKeys = (context: Context, screen: LiveScreen, feed: BoardFeed): (() => void) => {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const onKey = (typed: string | undefined, key: Keypress) => {
    const pressed = press(
      screen.now,
      { name: key.name, ctrl: key.ctrl ?? false, text: typed ?? key.sequence ?? '' },
      screen.names,
    );
    screen.change(() => pressed.screen);
    if (pressed.action) void perform(pressed.action, context, screen, feed);
  };
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.on('keypress', onKey);
  stdin.resume();
  const letGo = () => {
    stdin.off('keypress', onKey);
    stdin.setRawMode(false);
    stdin.pause();
  };
  context.cleanup.add(letGo);
  return letGo;
};
