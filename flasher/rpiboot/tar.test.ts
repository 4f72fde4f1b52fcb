import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ImageError } from '../image.ts';
import { chips } from './chips.ts';
import { forChip, tarSource } from './files.ts';

const archive = () => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  mkdirSync(join(folder, '2711'));
  writeFileSync(join(folder, '2711/start4.elf'), 'x'.repeat(1000));
  writeFileSync(join(folder, 'config.txt'), 'all');
  const path = join(folder, 'bootfiles.bin');
  execFileSync('tar', ['-cf', path, '-C', folder, '--format=ustar', '2711', 'config.txt']);
  return path;
};

test('members of an archive that GNU tar made are found, the folder of the chip first', async (t) => {
  const path = archive();
  const files = tarSource(path, readFileSync(path));
  const source = forChip(files, chips.find(({ name }) => name === 'BCM2711')!);
  t.is((await source.read('START4.elf'))?.length, 1000);
  t.is(Buffer.from((await source.read('config.txt'))!).toString(), 'all');
  t.is(await source.read('other'), undefined);
});

test('a damaged or lying archive is refused with its offset', (t) => {
  const path = archive();
  const bytes = readFileSync(path);
  t.throws(() => tarSource(path, bytes.subarray(0, 1536)), { instanceOf: ImageError, message: /cut off/ });
  const flipped = Buffer.from(bytes);
  flipped[3]! ^= 1;
  t.throws(() => tarSource(path, flipped), { message: /not a tar archive at byte 0/ });
});

test('an archive whose file has a size below zero ends, too', (t) => {
  const path = archive();
  const bytes = Buffer.from(readFileSync(path));
  const second = bytes.subarray(512, 1024);
  second.write('-0000000512\0', 124, 'latin1');
  second.fill(' ', 148, 156);
  const sum = second.reduce((total, byte) => total + byte, 0);
  second.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  t.throws(() => tarSource(path, bytes), { instanceOf: ImageError, message: /at byte 512/ });
});
