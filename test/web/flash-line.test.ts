/** The flasher's page, against emulated boards on a serial line. */
import type { Transport } from '../../link/index.ts';
import { EmulatedBus, UBootBoard } from '../../rig/emulated/index.ts';
import { EmulatedKernel } from '../flash/kernel.ts';
import type { OpenPort } from './devices.ts';
import { BUILD, image, inBrowser, noProblem, open, running, update, updateAnew } from './flasher.ts';

inBrowser('a board at its U-Boot prompt takes the image over the serial line', async (t) => {
  const uBoot = new UBootBoard();
  const opened: OpenPort[] = [() => uBootLine(new UBootBoard()), () => uBootLine(uBoot), running()];
  const next: OpenPort = () => opened.shift()!();
  const { page } = await open(t, new EmulatedBus(), [next]);
  await page.press('#choose-line');
  await page.says('#found', /U-Boot prompt: send the image over the serial line/);
  await page.press('#flash');
  await page.says('#result', new RegExp(`runs velocity ${BUILD}`));
  t.true(uBoot.memory.equals(image));
  t.true(uBoot.started);
});

inBrowser('a kernel that runs takes the image into its memory, after it refused to start it', async (t) => {
  const kernel = new EmulatedKernel(BUILD);
  kernel.build = 'cd'.repeat(20);
  const opened: OpenPort[] = [() => kernel.plug({ kind: 'not-started' }), () => kernel.plug()];
  const { page } = await open(t, new EmulatedBus(), [() => opened.shift()!()]);
  await page.press('#choose-line');
  await page.says('#found', /U-Boot prompt.*velocity runs: send the image/s);
  await page.press('input[name="target"][value="1"]', 'space');
  await page.press('#flash');
  await page.says(
    '#problem',
    /a core does not let go of what it does.*Next: the kernel from before goes on; restart the board.*code: refused/s,
  );
  t.is(await page.text('#result'), '');
  t.is(kernel.starts, 1);
  await page.press('#choose-line');
  while (opened.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await page.until(`!document.getElementById('flash').disabled`);
  await page.press('#flash');
  await page.says(
    '#result',
    new RegExp(`^Raspberry Pi 4 Model B runs velocity ${BUILD}, from memory: a reset brings the one before`),
  );
  t.true(kernel.received.equals(update));
  t.is(kernel.starts, 2);
  await noProblem(page);
  t.deepEqual(page.problems, []);
});

inBrowser('an update that a kernel refuses as older is signed anew for the next try', async (t) => {
  const kernel = new EmulatedKernel(BUILD);
  kernel.build = 'cd'.repeat(20);
  const opened: OpenPort[] = [() => kernel.plug({ kind: 'older' }), () => kernel.plug()];
  const { page } = await open(t, new EmulatedBus(), [() => opened.shift()!()]);
  await page.press('#choose-line');
  await page.says('#found', /velocity runs: send the image/);
  await page.press('input[name="target"][value="1"]', 'space');
  await page.press('#flash');
  await page.says('#problem', /older_sequence.*code: refused/s);
  t.true(kernel.received.equals(update));
  await page.press('#choose-line');
  while (opened.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await page.until(`!document.getElementById('flash').disabled`);
  await page.press('#flash');
  await page.says('#result', new RegExp(`runs velocity ${BUILD}`));
  t.true(kernel.received.equals(updateAnew));
});

inBrowser('a line on which nothing runs is said to have nothing, with the ways on', async (t) => {
  const silent: OpenPort = () => new EmulatedKernel(BUILD).plug({ kind: 'silent', at: 0 });
  const { page } = await open(t, new EmulatedBus(), [silent]);
  await page.press('#choose-line');
  await page.says('#found', /velocity runs/);
  await page.press('input[name="target"][value="1"]', 'space');
  await page.press('#flash');
  await t.notThrowsAsync(
    page.says(
      '#problem',
      /no running velocity kernel answers.*U-Boot prompt choose that above.*code: timeout/s,
    ),
  );
});

/** The emulated U-Boot as a line that can be closed. */
const uBootLine = (board: UBootBoard): Transport => ({
  write: (data) => board.write(data),
  onData: (listener) => board.onData(listener),
  onClose: (listener) => board.onClose(listener),
  describe: () => board.describe(),
  close: async () => {},
});
