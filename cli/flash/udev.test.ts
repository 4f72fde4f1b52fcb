/** The rule for Linux, and what people without it are told. */
import test from 'ava';
import { permissionHint } from '../../flasher/index.ts';
import { makeCleanup } from '../cleanup.ts';
import { Output } from '../output.ts';
import { installUdev } from './udev.ts';

const bench = () => {
  const said = { text: '' };
  const stream = {
    write: (text: string) => {
      said.text += text;
    },
  };
  return { said, context: { output: new Output(false, stream, stream), cleanup: makeCleanup() } };
};

test('who may not write the rule is shown it, and told how it gets there', async (t) => {
  const { said, context } = bench();
  const denied = () => {
    throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
  };
  const error = await t.throwsAsync(installUdev(context, { yes: true }, denied), {
    message: /may not open it/,
  });
  t.regex((error as { hint?: string }).hint ?? '', /as root \(sudo\)/);
  t.regex(said.text, /ATTR\{idVendor\}=="0a5c"/);
  t.notRegex(said.text, /now run/);
});

test('the rule is written after a yes, and how it comes into force is said', async (t) => {
  const { said, context } = bench();
  let written = 0;
  await installUdev(context, { yes: true }, () => {
    written += 1;
  });
  t.is(written, 1);
  t.regex(said.text, /udevadm control --reload/);
});

test('a dry run shows the rule and writes nothing', async (t) => {
  const { said, context } = bench();
  await installUdev(context, { yes: true, dryRun: true }, () => t.fail());
  t.regex(said.text, /ATTR\{idVendor\}=="0a5c"/);
});

test('where there is no udev nothing is written, and what opens a board there is said', async (t) => {
  const { said, context } = bench();
  const write = () => t.fail();
  const error = await t.throwsAsync(installUdev(context, { yes: true }, write, 'win32'), { code: 'usage' });
  t.regex((error as { hint?: string }).hint ?? '', /WinUSB/);
  t.is(said.text, '');
});

test('each system has its own way to let a board be opened', (t) => {
  t.regex(permissionHint('linux'), /--install-udev/);
  t.regex(permissionHint('win32'), /WinUSB/);
  t.notRegex(permissionHint('darwin'), /udev|WinUSB/);
});
