/** The keyboard of the terminal view. */
import { emitKeypressEvents } from 'node:readline';
import { type Action, chosen, press } from '../../monitor/index.ts';
import type { Context } from '../context.ts';
import type { LiveScreen } from '../monitor-printer.ts';
import type { BoardFeed } from './monitor-feed.ts';

type Keypress = { readonly name?: string; readonly ctrl?: boolean; readonly sequence?: string };

/** Boards by their ports. A recording has none. */
export type Feeds = ReadonlyMap<string, BoardFeed>;

/** Through the terminal, so that it works from afar too: "Manipulate Selection Data" of xterm's control sequences (OSC 52). */
const copy = ({ output }: Context, screen: LiveScreen) => {
  const text = Buffer.from(`${screen.text}\n`).toString('base64');
  output.raw(`\x1b]52;c;${text}\x07`);
  screen.change((now) => ({ ...now, note: 'copied, where the terminal allows it' }));
};

const perform = async (action: Action, context: Context, screen: LiveScreen, feeds: Feeds) => {
  if (action.kind === 'quit') return context.cleanup.abort();
  if (action.kind === 'copy') return copy(context, screen);
  const feed = feeds.get(chosen(screen.now, screen.ports) ?? '');
  const act = (board: BoardFeed) =>
    action.kind === 'rollback' ? board.rollback(action.module) : board.command(action.line);
  const note = feed ? await act(feed) : 'this is a recording';
  screen.change((now) => ({ ...now, note }));
};

/** Takes the keyboard; the function returned gives it back. Without one, nothing happens. */
export const watchKeys = (context: Context, screen: LiveScreen, feeds: Feeds): (() => void) => {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const onKey = (typed: string | undefined, key: Keypress) => {
    const pressed = press(
      screen.now,
      { name: key.name, ctrl: key.ctrl ?? false, text: typed ?? key.sequence ?? '' },
      screen.names,
      screen.ports,
    );
    screen.change(() => pressed.screen);
    if (pressed.action) void perform(pressed.action, context, screen, feeds);
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
