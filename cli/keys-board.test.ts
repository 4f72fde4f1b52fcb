/** The keys of a board from the command line. */
import { join } from 'node:path';
import test from 'ava';
import { doorMask, roleMask } from '../abi/index.ts';
import type { Handlers } from '../link/test/fake-board.ts';
import { Refusal } from '../link/test/fake-board.ts';
import { boardOnSocket, jsonLines, temporaryFolder, velocity } from './test/command-line.ts';

process.env.VELOCITY_KEYS = join(temporaryFolder(), 'keys');

const keyOf = (id: string, rest: object = {}) => ({
  id: Buffer.from(id, 'hex'),
  roles: roleMask(['patch']),
  doors: doorMask(['modules', 'keys']),
  open: doorMask(['upload']),
  sequence: 4n,
  revoked: false,
  kept: false,
  ...rest,
});

const made = async (name: string) =>
  String(jsonLines(await velocity('keys', 'new', name, '--json'))[0]?.key_id);

const ask = async (handlers: Handlers, ...argv: string[]) => {
  const { port } = await boardOnSocket(handlers);
  return velocity('--port', port, ...argv);
};

test.serial(
  'the_keys_of_a_board_are_listed_with_their_rights_and_the_names_that_they_have_here',
  async (t) => {
    const id = await made('mine');
    const key: Handlers['key'] = ({ i }) => {
      if (i === 0) return keyOf(id);
      if (i === 1) return keyOf('0011223344556677', { revoked: true, roles: 0, doors: 0 });
      throw new Refusal('no_entry');
    };
    const people = await ask({ key }, 'keys', 'board');
    t.is(people.exit, 0, people.stderr);
    t.regex(people.stdout, new RegExp(`${id} +mine +sequence 4 +patch modules keys`));
    t.regex(people.stdout, /0011223344556677 +- .*revoked/);
    t.regex(people.stdout, /without a signature: upload; .*forgotten at a reset/);
    const lines = jsonLines(await ask({ key }, 'keys', 'board', '--json'));
    t.like(lines[0], { key_id: id, name: 'mine', roles: ['patch'], doors: ['modules', 'keys'] });
    t.deepEqual(lines[2], { event: 'open', doors: ['upload'], kept: false });
  },
);

test.serial('a_key_is_revoked_and_replaced_by_name_or_id', async (t) => {
  const id = await made('old');
  const next = await made('next');
  const seen: [string, number | undefined][] = [];
  const revoke: Handlers['revoke'] = (request) => {
    seen.push([Buffer.from(request.id).toString('hex'), request.public_key?.length]);
    return {};
  };
  t.is((await ask({ revoke }, 'keys', 'revoke', 'old')).exit, 0);
  t.is((await ask({ revoke }, 'keys', 'revoke', id)).exit, 0);
  const [rotated] = jsonLines(await ask({ revoke }, 'keys', 'rotate', 'old', 'next', '--json'));
  t.deepEqual(rotated, { event: 'rotated', from: id, key_id: next });
  t.deepEqual(seen, [
    [id, undefined],
    [id, undefined],
    [id, 32],
  ]);
  t.is((await velocity('--port', 'unix:/nowhere', 'keys', 'revoke', 'nobody')).exit, 10);
});

test.serial('what_the_board_wants_signed_is_signed_with_the_key_that_is_named', async (t) => {
  await made('signer');
  let asked = 0;
  const revoke = () => {
    asked += 1;
    throw new Refusal('not_signed');
  };
  const { exit, stderr } = await ask({ revoke }, 'keys', 'revoke', '0011223344556677', '--key', 'signer');
  t.is(asked, 1);
  t.is(exit, 8, 'this board knows no signed commands');
  t.regex(stderr, /not_supported/);
  const absent = await ask({ revoke }, 'keys', 'revoke', '0011223344556677', '--key', 'absent');
  t.is(absent.exit, 10);
  t.regex(absent.stderr, /there is no such key/);
});
