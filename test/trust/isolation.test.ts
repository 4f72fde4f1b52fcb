/** Modules that no verifier should have let through, on a kernel whose verifier believes everything: each is caught, named and taken back, and the rest goes on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { statusOf } from '../../abi/index.ts';
import { boardNamed } from '../../boards/index.ts';
import { linkVariant } from '../../firmware/compile.ts';
import {
  encodePolicy,
  imageFromElf,
  policyOf,
  requireTool,
  root,
  stampPolicy,
} from '../../firmware/index.ts';
import { LinkTimeoutError, VelocityLink } from '../../link/index.ts';
import { startVirtualBoard, type VirtualBoard } from '../../rig/index.ts';
import { patience } from '../board/patience.ts';
import { devKey, install, timerProgram } from '../board/programs.ts';

const CAUGHT_MS = 60_000;

let board: VirtualBoard;
let link: VelocityLink;
let folder: string;
let image: string;

test.before(async (t) => {
  t.timeout(400_000);
  folder = mkdtempSync(join(tmpdir(), 'velocity-isolation-'));
  const elf = join(folder, 'kernel.elf');
  await linkVariant(elf, join(root, 'test/trust/broken/verify.c'), 'bpf_verify', 'bpf_jit');
  image = join(folder, 'Image');
  writeFileSync(image, stampPolicy(imageFromElf(readFileSync(elf)), encodePolicy(policyOf(devKey()))));
  // By the clock on the wall: a core that hangs would have to execute a second's worth of counted instructions.
  board = await startVirtualBoard({
    board: boardNamed('qemu-virt'),
    image,
    qemu: requireTool('qemu'),
    clock: 'wall',
  });
  link = await VelocityLink.open(board.address, patience);
  await install(link, timerProgram('bystander', 'r0 = 7\nexit'), { cores: 2 });
});
test.after.always(async () => {
  await link?.close();
  await board?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const evidence = async () => {
  const deadline = Date.now() + CAUGHT_MS;
  while (Date.now() < deadline) {
    const [found] = await link.evidenceAll().catch((error) => {
      if (!(error instanceof LinkTimeoutError)) throw error; // core 0 may hang for a while
      return [];
    });
    if (found) return found;
    await delay(50);
  }
  throw new Error('nothing was caught');
};

const calls = async () => (await link.telemetryAll()).find(({ name }) => name === 'bystander')!.calls;

/** Text of a program, the reason it is thrown out for, the instruction at fault. */
const wrong: Readonly<Record<string, readonly [text: string, reason: string, insn: number]>> = {
  'reads an address of its own making': [
    'r1 = 0xdead000000000 ll\nr0 = *(u64 *)(r1 + 0)\nexit',
    'module_fault',
    2,
  ],
  'writes to page 0': ['r1 = 8\nr0 = 1\n*(u64 *)(r1 + 0) = r0\nexit', 'module_fault', 2],
  "writes into the kernel's text": [
    'r1 = 0x40201000\nr0 = 1\n*(u64 *)(r1 + 0) = r0\nexit',
    'module_fault',
    2,
  ],
  'writes below its stack': [
    'r1 = r10\nr1 += -66000\nr0 = 1\n*(u64 *)(r1 + 0) = r0\nexit',
    'module_fault',
    3,
  ],
  'outruns its stack by calling itself': ['call deeper\nexit\ndeeper: call deeper\nexit', 'module_fault', 2],
  'holds an instruction that no CPU knows': ['r0 = 2989\nexit', 'module_fault', 0],
  'does not end': ['r0 = 0\nr0 += 1\ngoto -2\nexit', 'module_runaway', 1],
};

for (const core of [0, 2]) {
  for (const [what, [text, reason, insn]] of Object.entries(wrong)) {
    test.serial(
      `a_module_on_core_${core}_that_${what.replaceAll(' ', '_')}_is_caught_and_taken_back`,
      async (t) => {
        t.timeout(CAUGHT_MS * 2);
        const before = await calls();
        await install(link, timerProgram('wrong', 'r0 = 1\nexit'), { cores: 1 << core });
        await install(link, timerProgram('wrong', text), { cores: 1 << core });
        const record = await evidence();
        t.is(record.name, 'wrong');
        t.is(record.version, 2);
        t.is(statusOf(record.reason).name, reason);
        t.true(Math.abs(record.insn - insn) <= 1, `instruction ${record.insn}`);
        t.is(
          (await link.modules()).find(({ name }) => name === 'wrong')?.version,
          1,
          'its predecessor runs again',
        );
        t.is(await link.echo('still there'), 'still there');
        t.true((await calls()) > before, 'the module on another core went on');
        await link.evidenceAck(record.id);
        await link.remove('wrong');
      },
    );
  }
}

const looping = (turns: number) => `r1 = ${turns}\nr1 += -1\nif r1 != 0 goto -2`;
const ENOUGH = 5; // the first interrupt within a call may be another one
const LOGS = 'r1 = 0x6c6c6163\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 5\ncall 6';

// Its own board, which counts instructions: a sample lies within the longest call so far, and the fault behind that.
test('a_module_that_faults_behind_its_sample_is_not_called_again_before_it_is_taken_back', async (t) => {
  t.timeout(CAUGHT_MS * 2);
  const counted = await startVirtualBoard({
    board: boardNamed('qemu-virt'),
    image,
    qemu: requireTool('qemu'),
  });
  t.teardown(counted.stop);
  const sampled = await VelocityLink.open(counted.address, patience);
  t.teardown(() => sampled.close());
  await sampled.profile(1);
  await install(sampled, timerProgram('long', `r0 = 0\n${looping(20_000)}\nexit`));
  while (!(await sampled.profile()).samples.some(({ insn, module }) => module !== 0 && insn > 1));
  await sampled.remove('long');
  const program = timerProgram('wrong', `${LOGS}\n${looping(300_000)}\nr1 = 8\nr0 = *(u64 *)(r1 + 0)\nexit`);
  const caught: string[] = [];
  while (caught.length < ENOUGH) {
    await install(sampled, program);
    const round = caught.length;
    while (caught.length === round) {
      for (const { id, reason } of await sampled.evidenceAll()) {
        caught.push(statusOf(reason).name);
        await sampled.evidenceAck(id);
      }
    }
  }
  let calls = 0;
  for await (const { kind } of sampled.events()) calls += kind === 'log' ? 1 : 0;
  t.is(calls, ENOUGH);
  t.deepEqual(caught, Array(ENOUGH).fill('module_fault'));
});
