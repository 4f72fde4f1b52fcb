import type { Command } from 'commander';
import {
  createKey,
  importKey,
  KeyError,
  keyFolder,
  keyId,
  keyNames,
  namedKey,
  publicPem,
} from '../../firmware/index.ts';
import type { Context } from '../context.ts';
import { registerBoardKeys } from './keys-board.ts';

const registerNew = (parent: Command, { output }: Context) => {
  parent
    .command('new')
    .description('make an Ed25519 key that only you can read')
    .argument('<name>', 'name of the key')
    .addHelpText('after', '\nExample:\n  velocity keys new field && velocity build --key field')
    .action((name: string) => {
      const path = createKey(name);
      const id = keyId(namedKey(name).publicKey);
      output.fact({ event: 'key', name, key_id: id, path }, `${name}  ${id}  ${path}`);
    });
};

const registerImport = (parent: Command, { output }: Context) => {
  parent
    .command('import')
    .description('take in a key from a PEM file (PKCS#8, Ed25519)')
    .argument('<name>', 'name to keep it under')
    .argument('<file>', 'PEM file that only you can read')
    .addHelpText('after', '\nExample:\n  velocity keys import field ./field.pem')
    .action((name: string, file: string) => {
      const path = importKey(name, file);
      const id = keyId(namedKey(name).publicKey);
      output.fact({ event: 'key', name, key_id: id, path }, `${name}  ${id}  ${path}`);
    });
};

/** A key that cannot be used is listed with its reason. */
const registerList = (parent: Command, { output }: Context) => {
  parent
    .command('list')
    .description('list the named keys and the ids by which boards report them')
    .addHelpText('after', '\nExample:\n  velocity keys list --json')
    .action(() => {
      for (const name of keyNames()) {
        try {
          const id = keyId(namedKey(name).publicKey);
          output.fact({ event: 'key', name, key_id: id }, `${name.padEnd(20)} ${id}`);
        } catch (error) {
          if (!(error instanceof KeyError)) throw error;
          const { message: problem } = error;
          output.fact({ event: 'key', name, problem }, `${name.padEnd(20)} not usable: ${problem}`);
        }
      }
      if (keyNames().length === 0)
        output.print(`no keys in ${keyFolder()}; make one: velocity keys new NAME`);
    });
};

const registerShow = (parent: Command, { output }: Context) => {
  parent
    .command('show')
    .description('print the public half of a key in PEM; the private half stays in its file')
    .argument('<key>', 'name of a key, or a PEM file')
    .addHelpText('after', '\nExample:\n  velocity keys show field > field.pub')
    .action((name: string) => {
      const key = namedKey(name);
      const pem = publicPem(key);
      const hex = Buffer.from(key.publicKey).toString('hex');
      output.fact({ event: 'key', name, key_id: keyId(key.publicKey), public_key: hex, pem }, pem.trim());
    });
};

/** `velocity keys …`: who may change what runs on a board. */
export const registerKeys = (program: Command, context: Context): void => {
  const keys = program
    .command('keys')
    .description('make, list, show and import the keys that sign; list, revoke and rotate those of a board');
  registerNew(keys, context);
  registerList(keys, context);
  registerShow(keys, context);
  registerImport(keys, context);
  registerBoardKeys(keys, context);
};
