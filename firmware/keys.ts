/**
 * Ed25519 keys (RFC 8032) as PKCS#8 PEM files that only their owner can read. Named keys lie outside every checkout, in
 * `$VELOCITY_KEYS` or `~/.config/velocity/keys`; the development key lies in the checkout, which does not track it.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { basename, join } from 'node:path';
import { makeFolder, userFolder } from './folder.ts';
import { paths } from './paths.ts';
import { writeNew } from './write.ts';

export type SigningKey = { readonly privateKey: KeyObject; readonly publicKey: Uint8Array };

/** A key file that cannot be used: says why and what to do. */
export class KeyError extends Error {
  readonly code = 'bad_key';
  readonly exit: 'bad_file' | 'permission' | 'usage';
  readonly hint: string;
  constructor(
    path: string,
    problem: string,
    hint: string,
    exit: KeyError['exit'] = 'bad_file',
    options?: ErrorOptions,
  ) {
    super(`${path}: ${problem}`, options);
    this.name = 'KeyError';
    this.exit = exit;
    this.hint = hint;
  }
}

const EXTENSION = '.pem';
/** A key takes 119 bytes; larger files are something else. */
const MAX_FILE_BYTES = 16 * 1024;
const OTHERS = 0o077;
const ED25519_SPKI_PREFIX_BYTES = 12; // RFC 8410 §4: algorithm identifier before the 32-byte key

/** Where named keys lie. */
export const keyFolder = (): string =>
  process.env.VELOCITY_KEYS || join(userFolder('XDG_CONFIG_HOME'), 'keys');

const rawPublicKey = (privateKey: KeyObject) =>
  new Uint8Array(
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(ED25519_SPKI_PREFIX_BYTES),
  );

const octal = (mode: number) => (mode & 0o777).toString(8).padStart(4, '0');

/** Windows has neither owners nor modes that could be compared. */
const checkOwner = (path: string, stats: Stats) => {
  if (!process.getuid) return;
  const me = process.getuid();
  if (stats.uid !== me && me !== 0) {
    throw new KeyError(
      path,
      'belongs to another user',
      'use a key of your own: velocity keys new NAME',
      'permission',
    );
  }
  if ((stats.mode & OTHERS) === 0) return;
  throw new KeyError(
    path,
    `others can read or write it (mode ${octal(stats.mode)}), and whoever has it can sign patches`,
    `if nobody has: chmod 600 ${path}; else make a new key and build images with it`,
    'permission',
  );
};

/** Checks and reads through one descriptor, so that the file cannot change in between. */
const readOwn = (path: string): Buffer => {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? 'there is no such key' : (cause as Error).message;
    const hint = 'see what there is: velocity keys list; make one: velocity keys new NAME';
    throw new KeyError(path, problem, hint, missing ? 'bad_file' : 'permission', { cause });
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new KeyError(path, 'is not a file', 'name a key in PEM');
    checkOwner(path, stats);
    if (stats.size > MAX_FILE_BYTES) throw new KeyError(path, 'is too large for a key', 'name a key in PEM');
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
};

const parsed = (path: string, pem: Buffer): SigningKey => {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (cause) {
    const hint = 'it must be an unencrypted private key in PEM: openssl genpkey -algorithm ed25519';
    throw new KeyError(path, 'holds no private key that can be read', hint, 'bad_file', { cause });
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    const problem = `holds a ${privateKey.asymmetricKeyType} key; patches are signed with Ed25519`;
    throw new KeyError(path, problem, 'make one: velocity keys new NAME');
  }
  return { privateKey, publicKey: rawPublicKey(privateKey) };
};

/** Reads a PKCS#8 PEM file with an Ed25519 private key that only its owner can read. @throws KeyError */
export const loadKey = (path: string): SigningKey => parsed(path, readOwn(path));

const store = (path: string, privateKey: KeyObject) =>
  writeNew(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);

/** The development key of this checkout, made at the first call and kept out of the repository. */
export const loadOrCreateDevKey = (): SigningKey => {
  const path = join(paths.keys, 'dev-ed25519.pem');
  if (!existsSync(path)) {
    makeFolder(paths.keys, 0o700);
    try {
      store(path, generateKeyPairSync('ed25519').privateKey);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another command made it a moment ago
    }
  }
  return loadKey(path);
};

const pathOf = (name: string): string => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
    throw new KeyError(
      JSON.stringify(name),
      'is no name for a key',
      'use letters, digits, ".", "_" and "-"',
      'usage',
    );
  }
  return join(keyFolder(), name + EXTENSION);
};

/** A key by name, or by path when it has a slash or ends in .pem. @throws KeyError */
export const namedKey = (nameOrPath: string): SigningKey =>
  loadKey(/[/\\]/.test(nameOrPath) || nameOrPath.endsWith(EXTENSION) ? nameOrPath : pathOf(nameOrPath));

/** The key that was asked for, or the one of `$VELOCITY_KEY`, or the development key of this checkout. @throws KeyError */
export const chosenKey = (nameOrPath: string | undefined = process.env.VELOCITY_KEY): SigningKey =>
  nameOrPath ? namedKey(nameOrPath) : loadOrCreateDevKey();

const keep = (name: string, privateKey: KeyObject): string => {
  const path = pathOf(name);
  makeFolder(keyFolder(), 0o700);
  try {
    store(path, privateKey);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new KeyError(
      path,
      'is there already, and no key is ever overwritten',
      'choose another name',
      'usage',
      {
        cause,
      },
    );
  }
  return path;
};

/** Makes a key; returns its path. @throws KeyError when the name is taken */
export const createKey = (name: string): string => keep(name, generateKeyPairSync('ed25519').privateKey);

/** Takes a key of a PEM file in under a name; returns its path. @throws KeyError */
export const importKey = (name: string, file: string): string => keep(name, loadKey(file).privateKey);

/** The public half in PEM (SPKI, RFC 8410). */
export const publicPem = ({ privateKey }: SigningKey): string =>
  createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();

/** Names of the keys in the folder. */
export const keyNames = (): string[] =>
  existsSync(keyFolder())
    ? readdirSync(keyFolder())
        .filter((file) => file.endsWith(EXTENSION))
        .map((file) => basename(file, EXTENSION))
        .sort()
    : [];
