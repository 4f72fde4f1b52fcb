/** Every attack meets its refusal, and leaves the board as it was. */
import test, { type ExecutionContext } from 'ava';
import { assemble } from '../../ebpf/index.ts';
import { coseSign1, encodePatch, type Patch } from '../../firmware/sign.ts';
import { RefusedError, type VelocityLink } from '../../link/index.ts';
import { onVirtualBoard } from '../board/bench.ts';
import { devKey, install, installBytes, patchFor, signPatch, timerProgram } from '../board/programs.ts';
import { attacks, counters } from './attacks.ts';

const state = async (link: VelocityLink) => {
  const maps = await link.maps();
  const entry = await link.mapRead(counters.name, new Uint8Array(4));
  const { sequence } = await link.info();
  const evidence = await link.evidenceAll();
  return {
    modules: await link.modules(),
    maps,
    entry,
    sequence,
    evidence,
    timer: (await link.timer()).period_us,
  };
};

const refusalOf = async (link: VelocityLink, bytes: Uint8Array): Promise<string> => {
  try {
    const { name, version } = await installBytes(link, bytes);
    return `accepted as ${name} version ${version}`;
  } catch (error) {
    if (error instanceof RefusedError) return error.status;
    throw error;
  }
};

const unchanged = async (t: ExecutionContext, link: VelocityLink, work: () => Promise<void>) => {
  const before = await state(link);
  await work();
  t.deepEqual(await state(link), before);
};

const first = timerProgram('guarded', 'r0 = 2\nexit');
const next = timerProgram('guarded', 'r0 = 3\nexit');

const goodPatch = async (link: VelocityLink): Promise<Patch> => ({
  ...(await patchFor(link, { program: next, name: next.name })),
  maps: [counters],
});

test('attacks_have_different_names', (t) => {
  t.is(new Set(attacks.map(({ name }) => name)).size, attacks.length);
});

onVirtualBoard('qemu-virt', 'trust', {}, (it) => {
  it('prepares_a_board_with_one_module_and_its_map', async (t, { link }) => {
    await install(link, first, { maps: [counters] });
    await link.mapWrite(counters.name, new Uint8Array(4), Buffer.from('0123456789abcdef', 'hex'));
    t.is((await link.modules()).length, 1);
  });

  for (const attack of attacks) {
    it(`refuses_${attack.name.replaceAll(/[^A-Za-z0-9]+/g, '_')}`, (t, { link }) =>
      unchanged(t, link, async () => {
        const bytes = attack.make({ good: await goodPatch(link), key: devKey() });
        t.is(await refusalOf(link, bytes), attack.status);
      }));
  }

  it('refuses_a_flipped_bit_in_every_byte_of_a_patch', (t, { link }) =>
    unchanged(t, link, async () => {
      const good = signPatch(await goodPatch(link), devKey());
      for (let at = 0; at < good.length; at += 1) {
        const bytes = Uint8Array.from(good);
        bytes[at]! ^= 1 << (at % 8);
        t.regex(
          await refusalOf(link, bytes),
          /^(not_cose|bad_algorithm|unknown_key|bad_signature)$/,
          `byte ${at}`,
        );
      }
    }));

  it('refuses_a_signed_payload_cut_at_every_length', (t, { link }) =>
    unchanged(t, link, async () => {
      const whole = encodePatch(await goodPatch(link));
      for (let size = 0; size < whole.length; size += 1) {
        const bytes = coseSign1(whole.subarray(0, size), devKey());
        t.is(await refusalOf(link, bytes), 'bad_patch', `${size} bytes`);
      }
    }));

  it('still_accepts_the_good_patch', async (t, { link }) => {
    t.is((await installBytes(link, signPatch(await goodPatch(link), devKey()))).version, 2);
  });

  it('shows_no_control_characters_in_a_refusal', async (t, { link }) => {
    const patch = { ...(await goodPatch(link)), board_class: '\x1b[2J\n\x07' };
    const error = await t.throwsAsync(installBytes(link, signPatch(patch, devKey())), {
      instanceOf: RefusedError,
    });
    t.regex(error!.detail, /^[ -~]+$/);
    const unknown = await t.throwsAsync(link.rollback('\x1b[31m'), { instanceOf: RefusedError });
    t.regex(unknown!.detail, /^[ -~]+$/);
    for await (const event of link.events()) t.regex(`${event.name}${event.text}`, /^[ -~]*$/);
  });

  it('shows_no_control_characters_of_what_a_module_logs', async (t, { link }) => {
    // "\x1b[2J\0" on the stack, then trace_printk(r10 - 8, 5)
    const code =
      'r1 = 0x4a325b1b\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 5\nr3 = 0\nr4 = 0\nr5 = 0\ncall 6\nr0 = 0\nexit';
    await install(link, { ...timerProgram('talker', 'r0 = 0\nexit'), code: assemble(code) });
    while (!(await link.telemetryAll()).some(({ name, calls }) => name === 'talker' && calls > 0n))
      await link.timer();
    await link.remove('talker');
    const logs: string[] = [];
    for await (const { kind, text } of link.events()) if (kind === 'log') logs.push(text);
    t.true(logs.length > 0);
    t.true(
      logs.every((text) => text === '?[2J'),
      logs[0],
    );
  });
});
