/** Patches for tests: programs from assembly text or from modules/, signed by the development key or by a stranger. */
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { hooks } from '../../abi/index.ts';
import { readProgram } from '../../cli/module-file.ts';
import { patchFor, push } from '../../cli/patching.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';
import { root } from '../../firmware/index.ts';
import { encodePatch, loadOrCreateDevKey, type Patch, signPatch } from '../../firmware/sign.ts';
import type { Request, VelocityLink } from '../../link/index.ts';

export const timerProgram = (name: string, text: string): ModuleProgram => ({
  name,
  section: 'timer',
  hook: 'timer',
  hookId: hooks.timer.id,
  code: assemble(text),
  maps: [],
});

export const packetProgram = (name: string, code: Uint8Array): ModuleProgram => ({
  name,
  section: 'packet',
  hook: 'packet',
  hookId: hooks.packet.id,
  code,
  maps: [],
});

/** The example of this folder, named like it. */
export const exampleModule = async (name: string): Promise<ModuleProgram> => ({
  ...(await readProgram(join(root, 'modules', name, `${name}.c`))),
  name,
});

export const devKey = loadOrCreateDevKey;

export const strangersKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey,
    publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(12)),
  };
};

export const live: Request<'install'> = { canary: false };

/** Installs a program as the next version of the module of this name, with fields of the patch replaced. */
export const install = async (
  link: VelocityLink,
  program: ModuleProgram,
  change: Partial<Patch> = {},
  options: Request<'install'> = live,
) => push(link, { ...(await patchFor(link, { program, name: program.name })), ...change }, devKey(), options);

/** Stages exactly these bytes and asks for their installation. */
export const installBytes = (link: VelocityLink, bytes: Uint8Array) => link.installPatch(bytes, live);

export { encodePatch, patchFor, signPatch };
