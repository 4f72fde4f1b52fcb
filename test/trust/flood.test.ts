/** Whoever holds the line, without any key, costs the modules no tick, and the link works again at once. */
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { encode } from 'cborg';
import { assemble } from '../../ebpf/index.ts';
import { install, timerProgram } from '../board/programs.ts';
import { frameOf, openWire, sha256, type Wire } from './wire.ts';

const TICK_10KHZ_US = 100;
const FLOOD_BYTES = 32 * 1024;

let wire: Wire;

test.before(async (t) => {
  t.timeout(400_000);
  wire = await openWire('qemu-virt');
  await install(wire.link, timerProgram('deadline', 'r0 = 2\nexit'));
});
test.after.always(() => wire?.stop());

const keepsItsTicks = async (t: ExecutionContext, work: () => Promise<void>) => {
  const { link } = wire;
  await link.timer(TICK_10KHZ_US);
  const before = (await link.telemetryAll())[0]!;
  await work();
  t.is(await link.echo('still there', 200_000), 'still there'); // it answers the flood first
  const { missed, ticks } = await link.timer();
  const after = (await link.telemetryAll())[0]!;
  t.true(ticks > 0n && after.calls > before.calls);
  t.is(missed, 0n);
  t.is((await link.modules()).length, 1);
};

const repeated = (bytes: Uint8Array) =>
  Buffer.concat(Array.from({ length: Math.ceil(FLOOD_BYTES / bytes.length) }, () => bytes));

const message = frameOf('timer', encode({}));
const chunk = new Uint8Array(3000);
const floods: Readonly<Record<string, () => Uint8Array>> = {
  noise: () => randomBytes(FLOOD_BYTES),
  newlines: () => Buffer.alloc(FLOOD_BYTES, '\n'),
  'a line without end': () => Buffer.alloc(FLOOD_BYTES, 'x'),
  'frames cut in the middle': () => repeated(message.subarray(0, message.length >> 1)),
  'messages whose answers nobody reads': () => repeated(message),
  'uploads that are never finished': () =>
    repeated(frameOf('stage', encode({ off: 0, len: 100_000, sha: sha256(randomBytes(8)), data: chunk }))),
};

for (const [what, flood] of Object.entries(floods)) {
  test.serial(`a_flood_of_${what.replaceAll(' ', '_')}_costs_no_tick`, (t) => {
    t.timeout(300_000);
    return keepsItsTicks(t, async () => {
      await wire.write(Buffer.concat([flood(), Buffer.from('\n')]));
    });
  });
}

test.serial('a_long_program_that_nobody_signed_costs_no_tick', (t) => {
  t.timeout(300_000);
  const code = assemble('r0 = 0\nr1 = 400000\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit');
  return keepsItsTicks(t, async () => {
    for (const jit of [true, false]) {
      const { r0 } = await wire.link.run({ jit, code, mem: new Uint8Array(0) });
      t.is(r0, 80_000_200_000n);
    }
  });
});
