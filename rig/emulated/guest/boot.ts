/**
 * A small Linux guest with a real USB stack: Debian's amd64 kernel under QEMU's emulation, this machine's root read-only
 * over 9p, and one `usb-redir` device per emulated board.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UsbRedirPort } from '../usbredir.ts';

export type GuestTools = { readonly kernel: string; readonly modules: string; readonly version: string };

const has = (tool: string) =>
  spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`]).status === 0;
/** The guest begins with nothing else: a busybox that wants a libc does not start there. ldd fails on a static one. */
const hasStaticBusybox = () =>
  has('busybox') && spawnSync('sh', ['-c', 'ldd "$(command -v busybox)"']).status !== 0;
const KERNEL = /^vmlinuz-(.*-amd64)$/;

/**
 * Undefined where something is missing; `missing` says what. The kernel lies unpacked below a folder, or is installed; the
 * cloud flavour has no USB.
 */
export const guestTools = (unpacked: string): { tools?: GuestTools; missing: string[] } => {
  const missing = ['qemu-system-x86_64', 'cpio', 'modprobe', 'depmod'].filter((tool) => !has(tool));
  if (!hasStaticBusybox()) missing.push('busybox-static');
  if (!existsSync('/lib/systemd/systemd-udevd')) missing.push('udev');
  for (const root of [unpacked, '/']) {
    const boot = join(root, 'boot');
    const file = existsSync(boot)
      ? readdirSync(boot).find((name) => KERNEL.test(name) && !name.includes('cloud'))
      : undefined;
    if (!file || missing.length > 0) continue;
    return { tools: { kernel: join(boot, file), modules: root, version: KERNEL.exec(file)![1]! }, missing };
  }
  return { missing: missing.length > 0 ? missing : ['linux-image-amd64'] };
};

const MODULES = ['xhci_pci', '9p', '9pnet_virtio', 'virtio_pci', 'vhci_hcd'];

const moduleFiles = ({ modules, version }: GuestTools): string[] => {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const options = { encoding: 'utf8', env: { ...process.env, PATH: path } } as const;
  if (!existsSync(join(modules, 'lib/modules', version, 'modules.dep'))) {
    execFileSync('depmod', ['-b', modules, version], options);
  }
  const lines = MODULES.flatMap((name) =>
    execFileSync('modprobe', ['-d', modules, '-S', version, '--show-depends', name], options).split('\n'),
  );
  return [...new Set(lines.flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []))];
};

/** udevd must run: without it the USB library keeps the address that a device had before it re-enumerated. */
const init = (script: string) => `#!/bin/busybox sh
B=/bin/busybox
$B ip link set lo up
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for file in /m/*; do $B insmod $file; done
$B mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 root /mnt
$B mount -t proc p /mnt/proc; $B mount -t sysfs s /mnt/sys; $B mount --move /dev /mnt/dev
$B mount -t tmpfs t /mnt/run
$B chroot /mnt /lib/systemd/systemd-udevd --daemon
$B chroot /mnt /bin/sh -c ${JSON.stringify(script)}
$B poweroff -f
`;

const initramfs = (folder: string, tools: GuestTools, script: string): string => {
  const tree = join(folder, 'initramfs');
  for (const name of ['bin', 'm', 'mnt', 'proc', 'sys', 'dev'])
    mkdirSync(join(tree, name), { recursive: true });
  copyFileSync(
    execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim(),
    join(tree, 'bin/busybox'),
  );
  for (const [at, file] of moduleFiles(tools).entries()) {
    copyFileSync(file, join(tree, 'm', `${String(at).padStart(2, '0')}-${basename(file)}`));
  }
  writeFileSync(join(tree, 'init'), init(script));
  chmodSync(join(tree, 'init'), 0o755);
  const out = join(folder, 'initramfs.gz');
  execFileSync('sh', [
    '-c',
    `cd "$1" && find . | cpio -o -H newc 2>/dev/null | gzip -1 > "$2"`,
    'sh',
    tree,
    out,
  ]);
  return out;
};

const listen = (path: string, onPort: (port: UsbRedirPort) => void) =>
  new Promise<() => void>((resolve) => {
    const server = createServer((socket) => onPort(new UsbRedirPort(socket)));
    server.listen(path, () => resolve(() => server.close()));
  });

/** For a guest with a few programs: 15 s on an idle machine, minutes on a busy one. */
export const GUEST_MS = 600_000;

export type GuestOptions = {
  /** Shell command, run as root in the guest with this machine's files. */
  readonly script: string;
  /** Plugs a board into each port, the first is 1. */
  readonly ports: readonly ((port: UsbRedirPort) => void)[];
  readonly timeoutMs: number;
  /** Told what the console says, as it comes, and the process id of the guest's machine. */
  readonly onSaid?: (text: string, pid: number) => void;
};

/** Boots, runs the script, powers off. @returns everything that the guest's console said */
export const runGuest = async (tools: GuestTools, options: GuestOptions): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-guest-'));
  const closers: (() => void)[] = [];
  try {
    const ports: string[] = [];
    for (const [at, onPort] of options.ports.entries()) {
      const path = join(folder, `usb${at}`);
      closers.push(await listen(path, onPort));
      ports.push('-chardev', `socket,id=usb${at},path=${path}`);
      ports.push('-device', `usb-redir,chardev=usb${at},bus=xhci.0,port=${at + 1}`);
    }
    return await qemu(tools, initramfs(folder, tools, options.script), ports, options);
  } finally {
    for (const close of closers) close();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Without no_timer_check a kernel on a loaded machine may find that its timer is too slow to be one, and stops. */
const KERNEL_ARGUMENTS = 'console=ttyS0 quiet panic=-1 no_timer_check';

const qemu = (
  tools: GuestTools,
  initrd: string,
  ports: readonly string[],
  { timeoutMs, onSaid }: GuestOptions,
) =>
  new Promise<string>((resolve, reject) => {
    const machine = '-M q35 -m 1024 -display none -nodefaults -no-reboot -serial stdio'.split(' ');
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...machine,
        '-kernel',
        tools.kernel,
        '-initrd',
        initrd,
        '-append',
        KERNEL_ARGUMENTS,
        '-virtfs',
        'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap',
        '-device',
        'qemu-xhci,id=xhci,p2=15,p3=15',
        ...ports,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' },
    );
    let said = '';
    const hear = (data: Buffer) => {
      said += data;
      onSaid?.(data.toString(), child.pid!);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('close', () => resolve(said));
  });
