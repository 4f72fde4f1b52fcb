/** Real boot loaders start the one Image from our media, each up to an answer over the link. */
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { READY } from '../../abi/index.ts';
import { boardNamed } from '../../boards/index.ts';
import { uBootForPi3 } from '../../cli/flash-peers.ts';
import { findTool, paths, requireTool, type Tool, tools } from '../../firmware/index.ts';
import { bootDisk } from '../../firmware/media/index.ts';
import {
  BOOT_TIMEOUT_MS,
  DISTANCE_BYTES,
  factsOf,
  openOwned,
  placesIn,
  signedUpdate,
  takeOver,
} from '../board/successor.ts';
import { echoAfterBoot, type Machine, startMachine } from './machine.ts';
import { partsFor, stored, temporaryFolder } from './media.ts';

const folder = temporaryFolder();

const virt = (options = '') => [
  '-M',
  `virt,gic-version=2${options}`,
  '-cpu',
  'cortex-a72',
  '-smp',
  '4',
  '-m',
  '256',
];
const drive = (path: string, kind = 'none') => [
  '-drive',
  `if=${kind},id=d,format=raw,snapshot=on,file=${path}`,
];
const virtio = ['-device', 'virtio-blk-device,drive=d'];

const diskFor = async (name: string) => {
  const parts = await partsFor(name);
  const path = await stored(
    folder,
    `${name}-${process.hrtime.bigint()}.img`,
    bootDisk(boardNamed(name), parts),
  );
  return { path, build: parts.manifest.build, manifest: parts.manifest };
};

/** Declares a test, or one skipped test that says what is not installed. */
const withTools = (title: string, needed: readonly Tool[], body: (t: ExecutionContext) => Promise<void>) => {
  const missing = needed.find((tool) => !findTool(tool));
  if (missing) test.skip(`${title} is skipped: install the package ${tools[missing].package}`, () => {});
  else test(title, body); // side by side: boot loaders mostly wait
};

const using = async (machine: Machine, body: (machine: Machine) => Promise<void>) => {
  try {
    await body(machine);
  } finally {
    await machine.stop();
  }
};

const bootsTo = async (t: ExecutionContext, args: readonly string[], build: string, said: RegExp) =>
  using(await startMachine(args), async ({ consoles: [console] }) => {
    const answer = await echoAfterBoot(console!);
    t.like(answer, { build, echo: 'hello', cores: 4 });
    t.regex(console!.text, said);
  });

const uefi = (options: string) => [...virt(options), '-bios', requireTool('uefi')];

const disks = {
  virtio,
  nvme: ['-device', 'nvme,serial=1,drive=d'],
  usb_storage: ['-device', 'qemu-xhci', '-device', 'usb-storage,drive=d'],
};

for (const [name, device] of Object.entries(disks)) {
  withTools(`edk2_starts_it_from_an_esp_on_${name}`, ['qemu', 'uefi'], async (t) => {
    const { path, build } = await diskFor('jetson-orin-nano');
    await bootsTo(t, [...uefi(',acpi=off'), ...drive(path), ...device], build, /BdsDxe: starting Boot/);
  });
}

withTools('edk2_at_el2_starts_it', ['qemu', 'uefi'], async (t) => {
  const { path, build } = await diskFor('jetson-orin-nano');
  const args = [...uefi(',acpi=off,virtualization=on'), ...drive(path), ...virtio];
  await bootsTo(t, args, build, /BdsDxe: starting Boot/);
});

withTools('edk2_without_a_device_tree_is_told_what_to_do_and_goes_on', ['qemu', 'uefi'], async (t) => {
  const { path } = await diskFor('jetson-orin-nano');
  await using(
    await startMachine([...uefi(''), ...drive(path), ...virtio]),
    async ({ consoles: [console] }) => {
      await console!.said(/BdsDxe: failed to start Boot\d+ [^\r\n]*: Unsupported/);
      t.regex(console!.text, /velocity: this firmware hands over no device tree.*acpi=off/s);
    },
  );
});

withTools('what_edk2_started_is_replaced_in_the_memory_that_it_got', ['qemu', 'uefi'], async (t) => {
  t.timeout(400_000);
  const { path, manifest } = await diskFor('jetson-orin-nano');
  const machine = await startMachine([...uefi(',acpi=off'), ...drive(path), ...virtio]);
  await using(machine, async ({ consoles: [console] }) => {
    await console!.said(READY);
    console!.close();
    const lines = [console!.text];
    const link = await openOwned(`unix:${console!.path}`, lines);
    t.teardown(() => link.close());
    const { boot } = await link.info();
    const update = signedUpdate(readFileSync(paths.image), factsOf(manifest));
    const now = await takeOver(link, update);
    t.like(now, { cores: 4, build: manifest.build, slot: 2 });
    t.notDeepEqual(now.boot, boot);
    for (let i = 0; i < 2; i++) await takeOver(link, update);
    const [first, ...next] = placesIn(lines.join('\n'));
    t.deepEqual(
      next,
      [DISTANCE_BYTES, 0, DISTANCE_BYTES].map((beside) => first! + beside),
    );
    await link.reset();
    await link.handshake(BOOT_TIMEOUT_MS);
    t.is((await link.measured()).image_root.length, 0, 'edk2 starts what is on the medium');
  });
});

withTools('u_boot_starts_it_by_extlinux_and_booti', ['qemu', 'uBoot'], async (t) => {
  const { path, build } = await diskFor('jetson-nano');
  const args = [...virt(), '-bios', requireTool('uBoot'), ...drive(path), ...virtio];
  await bootsTo(t, args, build, /Retrieving file: \/Image[\s\S]*Starting kernel/);
});

withTools('u_boot_starts_it_by_bootefi', ['qemu', 'uBoot'], async (t) => {
  const { path, build } = await diskFor('jetson-orin-nano');
  const args = [...virt(), '-bios', requireTool('uBoot'), ...drive(path), ...virtio];
  await bootsTo(t, args, build, /Booting \/efi\\boot\\bootaa64\.efi/);
});

const variable = (name: string) => `\${${name}}`;
const fromCard = (address: string, file: string) => `fatload mmc 0:1 ${variable(address)} ${file}`;

/** U-Boot for the Pi talks on the mini-UART, the kernel on the PL011. It knows nothing of config.txt: it is told. */
const bootFromCard = [
  fromCard('kernel_addr_r', 'kernel8.img'),
  fromCard('fdt_addr_r', 'rpi3b.dtb'),
  `booti ${variable('kernel_addr_r')} - ${variable('fdt_addr_r')}\n`,
].join('; ');

const onPi3 = existsSync(uBootForPi3)
  ? withTools
  : (title: string, ..._rest: unknown[]) =>
      test.skip(`${title} is skipped: Debian's u-boot-rpi is not there; \`./velocity test\` gets it`, () => {});

onPi3('u_boot_on_a_pi_3_starts_it_from_the_card', ['qemu', 'dtc'], async (t) => {
  const { path, build } = await diskFor('rpi3b');
  truncateSync(path, 64 << 20); // QEMU takes cards of 2^n bytes
  const args = ['-M', 'raspi3b', '-dtb', join(paths.dtb, 'rpi3b.dtb'), '-kernel', uBootForPi3];
  await using(await startMachine([...args, ...drive(path, 'sd')], 2), async ({ consoles: [pl011, mini] }) => {
    await mini!.said(/Hit any key/);
    mini!.type(' ');
    await mini!.said(/U-Boot> /);
    mini!.type(bootFromCard);
    t.like(await echoAfterBoot(pl011!), { build, echo: 'hello', cores: 4 });
  });
});
