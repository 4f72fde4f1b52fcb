/** The flasher is true: it writes a partition through a real U-Boot's fastboot over UDP, where test/flash/u-boot.sh built one. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findTool, root } from '../../firmware/index.ts';
import { GPT_FIRST_SECTOR, gptDisk } from '../../firmware/media/gpt.ts';
import { sparseImage } from '../../firmware/media/sparse.ts';
import { FastbootClient, memoryBlocks, openFastbootUdp, RefusedError } from '../../flasher/index.ts';
import { startMachine } from '../media/machine.ts';
import { stored, temporaryFolder } from '../media/media.ts';

const U_BOOT = process.env.U_BOOT_FASTBOOT ?? join(root, 'build/peers/u-boot-fastboot/u-boot.bin');
const withUBoot = existsSync(U_BOOT) && findTool('qemu') ? test : test.skip;
if (!existsSync(U_BOOT)) console.warn('skipped: no U-Boot with fastboot; test/flash/u-boot.sh builds one');

const folder = temporaryFolder();
const PARTITION_BYTES = 16 << 20;
const CARD_BYTES = 32 << 20; // QEMU takes cards of 2^n bytes
/** No multiple of a block. */
const image = Buffer.from(Array.from({ length: 300_001 }, (_, i) => ((i * 13) ^ (i >> 7)) & 0xff));

const freePort = async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
};

const machineWith = (card: string, port: number) =>
  [
    '-M virt -cpu cortex-a72 -m 256 -bios',
    U_BOOT,
    `-drive if=none,id=d,format=raw,file=${card} -device sdhci-pci -device sd-card,drive=d`,
    `-netdev user,id=n,hostfwd=udp:127.0.0.1:${port}-:5554 -device virtio-net-pci,netdev=n`,
  ].flatMap((part) => (part === U_BOOT ? [part] : part.split(' ')));

/** Waits are for a loaded machine. */
const limits = { replyMs: 60_000, dataMs: 120_000, workMs: 120_000 };

withUBoot(
  'a partition of a card is written through U-Boot, and one that is not there is refused',
  async (t) => {
    t.timeout(400_000);
    const disk = gptDisk(sparseImage(PARTITION_BYTES, []), { type: 'data', name: 'kernel' });
    const card = await stored(folder, 'card', disk);
    truncateSync(card, CARD_BYTES);
    const port = await freePort();
    const { consoles, stop } = await startMachine(machineWith(card, port));
    try {
      const console = consoles[0]!;
      await console.said(/Hit any key/);
      console.type(' ');
      await console.said(/=> /);
      console.type('pci enum; setenv autoload no; dhcp; fastboot udp\n');
      await console.said(/Listening for fastboot command/);
      const client = new FastbootClient(await openFastbootUdp('127.0.0.1', port, { connectMs: 60_000 }), {
        limits,
      });
      t.is(await client.variable('version'), '0.4');
      await client.flash('kernel', memoryBlocks('image', image));
      await t.throwsAsync(client.flash('missing', memoryBlocks('image', image)), {
        instanceOf: RefusedError,
      });
      await client.close();
    } finally {
      await stop();
    }
    const at = GPT_FIRST_SECTOR * 512;
    t.true(
      readFileSync(card)
        .subarray(at, at + image.length)
        .equals(image),
    );
  },
);
