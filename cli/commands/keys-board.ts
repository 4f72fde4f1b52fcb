/** The keys that a board knows: listed, taken back, replaced. Changing them needs a signature of a key that may. */
import type { Command } from 'commander';
import { doorsIn, rolesIn } from '../../abi/index.ts';
import { keyId, keyNames, namedKey } from '../../firmware/index.ts';
import type { Response } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';

type BoardKey = Response<'key'>;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A name of `velocity keys list`, a PEM file, or the id itself, for a key whose private half is elsewhere. */
const idOf = (key: string) => (/^[0-9a-f]{16}$/.test(key) ? key : keyId(namedKey(key).publicKey));

/** Names of keys that lie here; those that cannot be read have none. */
const namesById = (): ReadonlyMap<string, string> =>
  new Map(
    keyNames().flatMap((name) => {
      try {
        return [[keyId(namedKey(name).publicKey), name] as const];
      } catch {
        return [];
      }
    }),
  );

const describe = (key: BoardKey, name: string | undefined) => {
  const rights = [...rolesIn(key.roles), ...doorsIn(key.doors)].join(' ') || 'nothing';
  const state = key.revoked ? 'revoked' : rights;
  return `${hex(key.id)}  ${(name ?? '-').padEnd(12)} sequence ${key.sequence}  ${state}`;
};

const registerBoard = (parent: Command, context: Context) => {
  parent
    .command('board')
    .description('list the keys that a board knows, and what needs no signature')
    .addHelpText('after', '\nExample:\n  velocity keys board --port /dev/ttyUSB0')
    .action(async (_options: object, command: Command) => {
      const keys = await withLink(context, boardOptionsOf(command), (link) => link.keys());
      const names = namesById();
      for (const key of keys) {
        const name = names.get(hex(key.id));
        const { id, open, ...rest } = key;
        const rights = { roles: rolesIn(key.roles), doors: doorsIn(key.doors) };
        context.output.fact({ event: 'key', key_id: hex(id), name, ...rest, ...rights }, describe(key, name));
      }
      const open = doorsIn(keys[0]?.open ?? 0);
      const kept = keys[0]?.kept ?? false;
      const memory = kept ? 'kept in storage' : 'forgotten at a reset: this board has no storage for it';
      context.output.fact(
        { event: 'open', doors: open, kept },
        `without a signature: ${open.join(' ') || 'nothing'}; revocations and sequence numbers are ${memory}`,
      );
    });
};

const registerRevoke = (parent: Command, context: Context) => {
  parent
    .command('revoke')
    .description('take back what a key may do on a board; signed by a key with the door "keys"')
    .argument('<name>', 'name of a key, PEM file, or the id that `velocity keys board` prints')
    .addHelpText('after', '\nExample:\n  velocity keys revoke lost --key owner --port /dev/ttyUSB0')
    .action(async (name: string, _options: object, command: Command) => {
      const id = idOf(name);
      await withLink(context, boardOptionsOf(command), (link) => link.revoke(Buffer.from(id, 'hex')));
      context.output.fact({ event: 'revoked', key_id: id }, `key ${id} is revoked`);
    });
};

const registerRotate = (parent: Command, context: Context) => {
  parent
    .command('rotate')
    .description('put a new key into the place of an old one on a board, with the same rights')
    .argument('<old>', 'name of a key, PEM file, or id')
    .argument('<new>', 'name of a key, or PEM file')
    .addHelpText(
      'after',
      '\nExample:\n  velocity keys new loop2 && velocity keys rotate loop loop2 --key owner --port /dev/ttyUSB0',
    )
    .action(async (old: string, next: string, _options: object, command: Command) => {
      const id = idOf(old);
      const { publicKey } = namedKey(next);
      await withLink(context, boardOptionsOf(command), (link) =>
        link.revoke(Buffer.from(id, 'hex'), publicKey),
      );
      const now = keyId(publicKey);
      context.output.fact(
        { event: 'rotated', from: id, key_id: now },
        `key ${now} has taken the place of ${id}`,
      );
    });
};

export const registerBoardKeys = (parent: Command, context: Context): void => {
  registerBoard(parent, context);
  registerRevoke(parent, context);
  registerRotate(parent, context);
};
