/** What is fuzzed: readers of bytes that come from outside, each with the sources it is made of and where it begins. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { encode } from 'cborg';
import { messages } from '../../abi/index.ts';
import { assemble } from '../../ebpf/index.ts';
import { encodePolicy, policyOf, requireTool, root, signImage, updateFile } from '../../firmware/index.ts';
import { coseHeader, encodePatch, type Patch, type SigningKey, signCommand } from '../../firmware/sign.ts';
import { linkSources } from '../../kernel-aarch64/test/native/build.ts';
import { encodeFrame } from '../../link/index.ts';
import { encodeMessage, smpGroups, smpOps } from '../../link/smp.ts';
import { hundredInstructions } from '../bench/kernel.ts';
import { type CompiledTarget, compiledTargets } from './compiled.ts';
import { type EquivalenceTarget, equivalenceTargets } from './equivalence/equivalence.ts';
import type { HostTarget } from './host.ts';
import { hostTargets } from './host-targets.ts';
import { type LinuxTarget, linuxTargets } from './linux/verdicts.ts';
import { type ModulesTarget, modulesTargets } from './modules/modules.ts';
import { type ProgramTarget, programTargets } from './soundness.ts';

/** A reader of the board, built natively from its C. */
export type BoardTarget = {
  readonly name: string;
  readonly doc: string;
  readonly sources: readonly string[];
  /** Folders of headers that stand in for the rest of the kernel; those of the tests of its runtime by default. */
  readonly standIns?: readonly string[];
  /** Made anew at each run; small on purpose. */
  readonly seeds: () => readonly Uint8Array[];
  readonly maxBytes: number;
};
export type Target =
  | BoardTarget
  | HostTarget
  | ProgramTarget
  | CompiledTarget
  | EquivalenceTarget
  | LinuxTarget
  | ModulesTarget;

const kernel = (...files: readonly string[]) => files.map((file) => `kernel-aarch64/${file}`);
const folder = (name: string) =>
  readdirSync(`${root}/kernel-aarch64/${name}`)
    .filter((file) => file.endsWith('.c'))
    .map((file) => `kernel-aarch64/${name}/${file}`);

const none = new Uint8Array(0);
const patch: Patch = {
  name: 'fir',
  hook: 1,
  board_class: 'aarch64',
  code: assemble('r0 = 0\nexit'),
  maps: [
    { name: 'm', type: 2, key_size: 4, value_size: 8, max_entries: 1, flags: 0, init: new Uint8Array(8) },
  ],
  certificate: none,
  bound: 2n,
  parent: new Uint8Array(32),
  sequence: 1n,
  proposer: 'person',
  model_hash: none,
  prompt_hash: none,
  proof_hash: none,
  proof: 0,
  cores: 1,
  period_us: 0,
  boot: new Uint8Array(16),
};

const programs = [
  'r0 = 0\nexit',
  'r0 = *(u64 *)(r1 + 0)\nexit',
  'r0 = 0\nr3 = 10\nr0 += r3\nr3 += -1\nif r3 != 0 goto -3\nexit',
  '*(u64 *)(r10 - 8) = r2\nr0 = *(u64 *)(r10 - 8)\nexit',
  'r0 = 0\nr2 &= 7\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nexit',
  'call 5\nexit',
];

const facts = { board_class: 'aarch64', memory_bytes: 1, build: '00', version: '1', sequence: 1n };

const seedKey = (): SigningKey => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(12) };
};

/** Loops with bytes that rank them are what a certificate is about. */
const loops = [
  'r0 = 0\nr3 = 0\nr3 += 1\nif r3 < 10 goto -2\nexit',
  'r2 = 0\nr3 = r1\nr3 += r2\nr0 = *(u8 *)(r3 + 0)\nr2 += 2\nif r2 != 64 goto -5\nexit',
];

const cose = [
  'lib/cbor.c',
  'lib/cbor_deterministic.c',
  'lib/sha2.c',
  'lib/print.c',
  'trust/cose.c',
  'patch/payload.c',
];
const curve = ['lib/ed25519.c', 'lib/ed25519_field.c', 'lib/ed25519_point.c', 'lib/ed25519_scalar.c'];

const smpMessage = (op: number, group: number, command: number, payload: Uint8Array) =>
  encodeMessage({ op, group, seq: 1, id: command, payload });

/** UARTs behind a bus that translates, named by an alias, one of them behind another controller; more would only make inputs longer. */
const treeSource = `/dts-v1/; / {
  #address-cells = <2>; #size-cells = <1>; interrupt-parent = <&gic>;
  aliases { serial0 = &uart; }; chosen { stdout-path = "serial0:115200n8"; };
  gic: gic { phandle = <1>; compatible = "arm,gic-400"; reg = <0 4 4>, <0 8 4>; };
  timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0>, <1 14 0>, <1 11 0>; };
  soc { #address-cells = <1>; #size-cells = <1>; ranges = <0x7e000000 0 0xfe000000 0x1000000>;
    uart: serial@7e201000 { compatible = "arm,pl011"; reg = <0x7e201000 0x200>; interrupts = <0 121 4>; };
    aux: aux { compatible = "brcm,bcm2835-aux"; interrupts = <0 29 4>; #interrupt-cells = <1>; };
    s2: serial@7e215040 { compatible = "brcm,bcm2835-aux-uart"; reg = <0x7e215040 0x40>; interrupt-parent = <&aux>; }; };
};`;
const compiledTree = () =>
  execFileSync(requireTool('dtc'), ['-q', '-I', 'dts', '-O', 'dtb'], { input: treeSource });

const boardTargets: readonly BoardTarget[] = [
  {
    name: 'line',
    doc: 'bytes of the serial line: frames, base64, length, CRC',
    sources: kernel('link/line.c', 'link/packet.c', 'lib/base64.c', 'lib/crc16.c'),
    seeds: () => [encodeFrame(new Uint8Array(20)), encodeFrame(new Uint8Array(300)), Buffer.from('help\n')],
    maxBytes: 8192,
  },
  {
    name: 'smp',
    doc: 'SMP messages of every group, up to what they ask for',
    sources: kernel(...linkSources),
    standIns: [],
    seeds: () => [
      smpMessage(smpOps.write, smpGroups.os, 0, encode({ d: 'hello' })),
      smpMessage(
        smpOps.write,
        smpGroups.image,
        1,
        encode({ off: 0, len: 9, sha: new Uint8Array(32), data: new Uint8Array(2) }),
      ),
      smpMessage(smpOps.read, smpGroups.stat, 0, encode({ name: 'velocity' })),
      ...Object.values(messages).map(({ id, op }) =>
        smpMessage(smpOps[op], 64, id, encode({ name: 'm', map: 'm', data: none })),
      ),
    ],
    maxBytes: 1024,
  },
  {
    name: 'messages',
    doc: 'requests of group 64',
    sources: kernel('gen/abi_messages.c', 'lib/cbor.c', 'lib/record.c'),
    seeds: () => [
      Buffer.concat([
        Buffer.of(messages.install.id),
        encode({ canary: true, window: 5, ratio: 990, shadow: false }),
      ]),
      Buffer.concat([
        Buffer.of(messages.stage.id),
        encode({ off: 0, len: 9, sha: new Uint8Array(32), data: none }),
      ]),
      Buffer.concat([Buffer.of(messages.map_read.id), encode({ map: 'm', key: new Uint8Array(4) })]),
    ],
    maxBytes: 4096,
  },
  {
    name: 'cbor',
    doc: 'every reader of CBOR',
    sources: kernel('lib/cbor.c', 'lib/cbor_deterministic.c'),
    seeds: () => [encodePatch(patch), encode([1, -2, 'three', [true, null], new Map([[4, 5]])])],
    maxBytes: 1024,
  },
  {
    name: 'patch',
    doc: 'COSE_Sign1 and the payload of a patch',
    sources: kernel(...cose, ...curve),
    seeds: () => [
      encodePatch(patch),
      encode([coseHeader(new Uint8Array(32)), new Map(), encodePatch(patch), new Uint8Array(64)]),
    ],
    maxBytes: 2048,
  },
  {
    name: 'image',
    doc: 'policy blocks, the manifests of images, signed commands',
    sources: kernel(
      ...cose.filter((file) => file !== 'patch/payload.c'),
      ...curve,
      'trust/keys.c',
      'trust/manifest.c',
      'trust/policy.c',
      'patch/command.c',
    ),
    seeds: () => {
      const key = seedKey();
      const image = new Uint8Array(64);
      return [
        Buffer.concat([Buffer.of(0), encodePolicy(policyOf(key)).subarray(0, 120)]),
        Buffer.concat([Buffer.of(1), updateFile(image, signImage(image, facts, key)).subarray(0, 300)]),
        Buffer.concat([
          Buffer.of(2),
          signCommand(
            {
              group: 64,
              command: 4,
              payload: encode({ name: 'fir' }),
              sequence: 9n,
              boot: image.subarray(0, 16),
            },
            key,
          ),
        ]),
      ];
    },
    maxBytes: 1024,
  },
  {
    name: 'base64',
    doc: 'base64',
    sources: kernel('lib/base64.c'),
    seeds: () => [Buffer.from('AAAA'), Buffer.from('AA=='), Buffer.from('+/8=')],
    maxBytes: 256,
  },
  {
    name: 'device-tree',
    doc: 'a flattened device tree: its walk, its addresses, the UART it names, its interrupts',
    sources: kernel(
      'lib/fdt.c',
      'lib/deadline.c',
      ...['uart_find', 'tcu', 'pl011', 'ns16550', 'clock'].map((name) => `drivers/${name}.c`),
      ...['irq', 'gic2', 'gic3', 'bcm2836'].map((name) => `irq/${name}.c`),
    ),
    standIns: ['kernel-aarch64/test/native/registers'],
    seeds: () => [compiledTree()],
    maxBytes: 2048,
  },
  {
    name: 'certificate',
    doc: 'any bytes as a certificate; what the checker accepts is run within its bound',
    sources: [...folder('bpf/checker'), ...folder('bpf/verifier'), ...folder('bpf/interp')],
    seeds: () =>
      [...programs, ...loops].map((text) => {
        const code = assemble(text);
        return Buffer.concat([Buffer.of(64, code.length / 8), code, Buffer.of(1, 0, 8, 8, 8)]);
      }),
    maxBytes: 1024,
  },
  {
    name: 'verifier',
    doc: 'any bytes as a program; what is accepted is run within its bound',
    sources: [...folder('bpf/verifier'), ...folder('bpf/interp')],
    seeds: () =>
      [...programs.map((text) => assemble(text)), hundredInstructions()].map((code) =>
        Buffer.concat([Buffer.of(64), code]),
      ),
    maxBytes: 1 + 8 * 128,
  },
];

export const targets: Readonly<Record<string, Target>> = Object.fromEntries(
  [
    ...boardTargets,
    ...hostTargets,
    ...programTargets,
    ...compiledTargets,
    ...equivalenceTargets,
    ...linuxTargets,
    ...modulesTargets,
  ].map((target) => [target.name, target]),
);
