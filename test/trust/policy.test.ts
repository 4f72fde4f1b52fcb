/** What a board's policy does not allow a key does not happen, each with its own status; and what it closes is closed. */
import test, { type ExecutionContext } from 'ava';
import { encode } from 'cborg';
import { hooks, messages, SMP_GROUP_SIGNED, SMP_GROUP_VELOCITY } from '../../abi/index.ts';
import { assemble } from '../../ebpf/index.ts';
import { encodePolicy, keyId, type Policy, PolicyError } from '../../firmware/index.ts';
import { type Command, coseSign1, type Patch, type SigningKey, signCommand } from '../../firmware/sign.ts';
import { RefusedError, type VelocityLink } from '../../link/index.ts';
import { installBytes, patchFor, signPatch, strangersKey, timerProgram } from '../board/programs.ts';
import { hexOf, type PolicyBoard, startWithPolicy } from './policy-board.ts';

const owner = strangersKey();
const loop = strangersKey();
const operator = strangersKey();
const paced = strangersKey();
const spent = strangersKey();
const SWAPS = 3;

const policy: Policy = {
  open: ['upload'],
  keys: [
    {
      key: hexOf(owner),
      roles: ['patch', 'image'],
      doors: ['modules', 'maps', 'packets', 'timer', 'run', 'evidence', 'reset', 'upload', 'image', 'keys'],
    },
    {
      key: hexOf(loop),
      roles: ['patch'],
      modules: ['fir', 'udp-*'],
      hooks: ['timer'],
      helpers: ['map_lookup_elem', 'ktime_get_ns'],
      maps: ['fir*'],
      budget: 20,
      cores: [0, 1],
      swaps_per_hour: SWAPS,
      proofs: ['proven'],
    },
    { key: hexOf(operator), doors: ['modules', 'maps'] },
    { key: hexOf(paced), roles: ['patch'], doors: ['timer'], min_period_us: 500 },
    { key: hexOf(spent) },
  ],
};

let board: PolicyBoard;

test.before(async (t) => {
  t.timeout(400_000);
  board = await startWithPolicy(policy);
});
test.after.always(() => board?.stop());

const refused = async (t: ExecutionContext, status: string, work: Promise<unknown>) => {
  const error = await t.throwsAsync(work, { instanceOf: RefusedError });
  t.is(error?.status, status, error?.message);
};

const patchOf = async (change: Partial<Patch> = {}): Promise<Patch> => ({
  ...(await patchFor(board.link, {
    program: timerProgram('fir', 'r0 = 2\nexit'),
    name: change.name ?? 'fir',
  })),
  proof: 1,
  ...change,
});

const push = async (change: Partial<Patch>, key: SigningKey) =>
  installBytes(board.link, signPatch(await patchOf(change), key));

const line = (name: string) => ({ name, type: 2, key_size: 4, value_size: 8, max_entries: 1, flags: 0 });

const long = assemble('r0 = 0\nr1 = 30\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit');

const overstepped: Readonly<Record<string, readonly [Partial<Patch>, string]>> = {
  'a module that is not its own': [{ name: 'gemv' }, 'module_forbidden'],
  'a module whose name only begins like its own': [{ name: 'firs' }, 'module_forbidden'],
  'the beginning of a pattern': [{ name: 'udp' }, 'module_forbidden'],
  'a hook that is not its own': [{ name: 'udp-x', hook: hooks.packet.id }, 'hook_forbidden'],
  'a helper that is not its own': [{ code: assemble('call 7\nr0 = 0\nexit') }, 'helper_forbidden'],
  'a helper that no path reaches': [{ code: assemble('r0 = 0\nexit\ncall 7\nexit') }, 'helper_forbidden'],
  'a map that is not its own': [{ maps: [line('fir.bss'), line('gpio_out')] }, 'map_forbidden'],
  'a bound above its budget': [{ code: long, certificate: new Uint8Array(0) }, 'budget_forbidden'],
  'a core that is not its own': [{ cores: 4 }, 'cores_forbidden'],
  'one core of its own and one that is not': [{ cores: 6 }, 'cores_forbidden'],
  'a patch without proof': [{ proof: 0 }, 'proof_policy'],
  'a patch that is merely tested': [{ proof: 2 }, 'proof_policy'],
  'a period of the timer hook, which is that of all modules': [{ period_us: 500 }, 'key_role'],
};

for (const [what, [change, status]] of Object.entries(overstepped)) {
  test.serial(`a_key_cannot_use_${what.replaceAll(' ', '_')}`, async (t) => {
    await refused(t, status, push(change, loop));
    t.deepEqual(await board.link.modules(), []);
    t.is((await board.link.info()).sequence, 0n, 'its sequence number is not used up');
  });
}

test.serial('a_key_without_the_role_signs_no_patch', async (t) => {
  await refused(t, 'key_role', push({}, operator));
  await refused(t, 'unknown_key', push({}, strangersKey()));
  t.deepEqual(await board.link.modules(), []);
});

test.serial('a_key_makes_as_many_swaps_an_hour_as_its_policy_says', async (t) => {
  for (let i = 0; i < SWAPS; i += 1) {
    t.is((await push({ code: assemble(`r0 = ${i}\nexit`) }, loop)).version, i + 1);
  }
  await refused(t, 'rate_limited', push({ code: assemble('r0 = 9\nexit') }, loop));
  t.is(
    (await push({ code: assemble('r0 = 9\nexit') }, owner)).version,
    SWAPS + 1,
    'the others are not held up',
  );
});

/** Each request that changes something; none of it may do so unsigned. */
const closed: Readonly<Record<string, (link: VelocityLink) => Promise<unknown>>> = {
  rollback: (link) => link.rollback('fir'),
  remove: (link) => link.remove('fir'),
  evidence_ack: (link) => link.evidenceAck(1),
  inject: (link) => link.inject(new Uint8Array(64)),
  map_write: (link) => link.mapWrite('m', new Uint8Array(4), new Uint8Array(8)),
  run: (link) => link.run({ jit: true, code: assemble('r0 = 0\nexit'), mem: new Uint8Array(0) }),
  timer: (link) => link.timer(2000),
  bench: (link) => link.bench('swap', 1),
  profile: (link) => link.profile(8),
  trace: (link) => link.trace(true),
  revoke: (link) => link.revoke(Buffer.from(keyId(loop.publicKey), 'hex')),
  reset: (link) => link.reset(),
};

test('every_message_that_writes_is_signed_itself_or_has_a_door', (t) => {
  const rest = Object.entries(messages).filter(([, m]) => m.op === 'write' && !('door' in m));
  t.deepEqual(
    rest.map(([name]) => name),
    ['install', 'timer'],
    'an install is a signed patch; timer reads, and its door is tested below',
  );
  const guarded = Object.entries(messages).filter(([, m]) => 'door' in m && m.door !== 'upload');
  t.deepEqual(
    guarded.map(([name]) => name).filter((name) => !(name in closed)),
    [],
  );
});

for (const [what, ask] of Object.entries(closed)) {
  test.serial(`${what}_unsigned_is_refused_and_changes_nothing`, async (t) => {
    const state = async () => [
      await board.link.modules(),
      (await board.link.timer()).period_us,
      await board.link.keys(),
    ];
    const before = await state();
    await refused(t, 'not_signed', ask(board.link));
    t.deepEqual(await state(), before);
  });
}

test.serial('what_is_open_and_what_only_reads_needs_no_signature', async (t) => {
  const { link } = board;
  t.is(await link.echo('hello'), 'hello');
  t.true((await link.statGroups()).includes('velocity'));
  t.true((await link.params()).bufSize > 0);
  t.is((await link.stageChunk({ off: 0, len: 8, sha: new Uint8Array(32), data: new Uint8Array(4) })).off, 4);
  t.is((await link.timer()).period_us, 1000);
});

const command = async (change: Partial<Command> = {}): Promise<Command> => {
  const { sequence, boot } = await board.link.info();
  const payload = encode({ name: 'fir' });
  const { id } = messages.rollback;
  return { group: SMP_GROUP_VELOCITY, command: id, payload, sequence: sequence + 1n, boot, ...change };
};

test.serial('a_signed_command_is_done_once_and_only_as_its_key_may', async (t) => {
  const { link, signAs } = board;
  signAs(operator);
  const before = (await link.modules())[0]!.version;
  t.is((await link.rollback('fir')).version, before - 1);
  await refused(t, 'key_role', link.timer(2000));
  await refused(t, 'key_role', link.reset());
  await refused(t, 'key_role', link.revoke(Buffer.from(keyId(loop.publicKey), 'hex')));
  signAs(loop);
  await refused(t, 'key_role', link.remove('fir'));
  signAs(strangersKey());
  await refused(t, 'unknown_key', link.remove('fir'));
  t.is((await link.modules()).length, 1);
});

type Forgery = (good: Command) => Uint8Array;
const forgeries: Readonly<Record<string, readonly [Forgery, string]>> = {
  'an older sequence number': [(good) => signCommand({ ...good, sequence: 0n }, operator), 'older_sequence'],
  'another start of the board': [
    (good) => signCommand({ ...good, boot: new Uint8Array(16) }, operator),
    'wrong_boot',
  ],
  'a boot id of 15 bytes': [
    (good) => signCommand({ ...good, boot: good.boot.subarray(1) }, operator),
    'bad_command',
  ],
  'a command in a command': [
    (good) => signCommand({ ...good, group: SMP_GROUP_SIGNED, command: 0 }, operator),
    'not_supported',
  ],
  'a group that does not exist': [(good) => signCommand({ ...good, group: 63 }, operator), 'not_supported'],
  'a group of 17 bits': [(good) => signCommand({ ...good, group: 65536 + 64 }, operator), 'bad_command'],
  'a payload that is no map': [
    (good) => signCommand({ ...good, payload: new Uint8Array(1) }, operator),
    'invalid_argument',
  ],
  'a signed patch': [() => coseSign1(encode(new Map([[1, 'fir']])), operator), 'bad_command'],
  'a flipped bit': [
    (good) => {
      const bytes = Buffer.from(signCommand(good, operator));
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    },
    'bad_signature',
  ],
};

for (const [what, [forge, status]] of Object.entries(forgeries)) {
  test.serial(`a_command_with_${what.replaceAll(' ', '_')}_is_refused`, async (t) => {
    const { link } = board;
    const before = await link.modules();
    const bytes = forge(await command());
    const signed = link.signedCommand(bytes);
    await refused(t, status, signed);
    t.deepEqual(await link.modules(), before);
  });
}

test.serial('a_command_that_is_sent_again_is_not_done_again', async (t) => {
  const { link } = board;
  const good = await command({ command: messages.timer.id, payload: encode({ period_us: 1500 }) });
  const bytes = signCommand(good, owner);
  await link.signedCommand(bytes);
  t.is((await link.timer()).period_us, 1500);
  await refused(t, 'replayed', link.signedCommand(bytes));
});

test.serial('a_key_sets_no_shorter_period_than_its_policy_says', async (t) => {
  const { link, signAs } = board;
  const before = await link.modules();
  const { period_us } = await link.timer();
  await refused(t, 'period_forbidden', push({ name: 'paced', period_us: 499 }, paced));
  t.deepEqual(await link.modules(), before);
  signAs(paced);
  await refused(t, 'period_forbidden', link.timer(499));
  t.is((await link.timer()).period_us, period_us);
  await link.timer(600);
  t.is((await link.timer()).period_us, 600);
  await push({ name: 'paced', period_us: 500 }, paced);
  t.is((await link.timer()).period_us, 500);
  signAs(owner);
  await link.remove('paced');
});

test.serial('a_replaced_key_hands_its_rights_on_and_has_none_left', async (t) => {
  const { link, signAs } = board;
  const fresh = strangersKey();
  signAs(owner);
  await link.revoke(Buffer.from(keyId(operator.publicKey), 'hex'), fresh.publicKey);
  signAs(operator);
  await refused(t, 'revoked_key', link.remove('fir'));
  signAs(fresh);
  await link.remove('fir');
  t.deepEqual(await link.modules(), []);
  await refused(t, 'key_role', link.reset());
});

test.serial('a_revoked_key_signs_nothing_any_more', async (t) => {
  const { link, signAs } = board;
  t.is((await push({}, owner)).version, 1);
  signAs(owner);
  await link.revoke(Buffer.from(keyId(loop.publicKey), 'hex'));
  await refused(t, 'revoked_key', push({ code: assemble('r0 = 7\nexit') }, loop));
  await refused(t, 'unknown_key', link.revoke(Buffer.from(keyId(strangersKey().publicKey), 'hex')));
  await refused(t, 'revoked_key', link.revoke(Buffer.from(keyId(loop.publicKey), 'hex')));
  const [first, second] = await link.keys();
  t.false(first?.revoked);
  t.true(second?.revoked);
  t.is(second?.roles, 0);
  t.false(second?.kept);
});

test.serial('an_image_with_a_damaged_policy_accepts_nothing', async (t) => {
  t.timeout(300_000);
  const damaged = await startWithPolicy(policy, (block) => {
    block[9]! ^= 0x40;
    return block;
  });
  t.teardown(damaged.stop);
  const { link } = damaged;
  t.deepEqual(await link.keys(), []);
  const program = timerProgram('fir', 'r0 = 2\nexit');
  const patch = signPatch(await patchFor(link, { program, name: 'fir' }), owner);
  await refused(t, 'not_signed', link.stage(patch));
  await refused(t, 'bad_policy', link.signedCommand(signCommand(await command(), owner)));
  t.is(await link.echo('still there'), 'still there');
});

test.serial('a_key_that_uses_up_its_numbers_takes_none_from_the_others', async (t) => {
  const { link, signAs } = board;
  const last = { group: 0, command: 0, payload: encode({ d: '' }), sequence: 2n ** 64n - 1n };
  await link.signedCommand(signCommand(await command(last), spent));
  t.is((await link.info()).sequence, last.sequence);
  signAs(owner);
  await link.timer(700);
  t.is((await link.timer()).period_us, 700);
  const wish = { program: timerProgram('fir', 'r0 = 8\nexit'), name: 'fir' };
  t.is((await installBytes(link, signPatch(await patchFor(link, wish, owner), owner))).insns, 2);
});

const bad: Readonly<Record<string, unknown>> = {
  'nothing in it': null,
  'a key that is nothing': { open: [], keys: [null] },
  'cores that are no list': { open: [], keys: [{ key: hexOf(owner), cores: 5 }] },
  'a limit named like what every object has': { open: [], keys: [{ key: hexOf(owner), toString: 1 }] },
  'an unknown door': { open: ['windows'], keys: [] },
  'keys open to everybody': { open: ['keys'], keys: [] },
  'an unknown limit': { open: [], keys: [{ key: hexOf(owner), speed: 3 }] },
  'no key': { open: [], keys: [{}] },
  'no period': { open: [], keys: [{ key: hexOf(owner), min_period_us: 0 }] },
  'too many swaps': { open: [], keys: [{ key: hexOf(owner), swaps_per_hour: 65 }] },
  'a core that no board has': { open: [], keys: [{ key: hexOf(owner), cores: [8] }] },
  'nine keys': { open: [], keys: Array.from({ length: 9 }, () => ({ key: hexOf(owner) })) },
};

for (const [what, value] of Object.entries(bad)) {
  test(`a_policy_with_${what.replaceAll(' ', '_')}_is_refused_before_anything_is_built`, (t) => {
    t.throws(() => encodePolicy(value as Policy), { instanceOf: PolicyError });
  });
}
