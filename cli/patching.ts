/** From a program to a signed patch that fits the board it is for. */
import { CompileError, certificateOf, type ModuleProgram } from '../ebpf/index.ts';
import { patchMaps } from '../evolve/index.ts';
import { keyId, type Patch, type SigningKey, signPatch } from '../firmware/sign.ts';
import type { Request, Response, VelocityLink } from '../link/index.ts';

export type PatchRequest = {
  readonly program: ModuleProgram;
  /** Name of the module on the board. */
  readonly name: string;
  readonly cores?: number;
  readonly periodUs?: number;
  readonly proposer?: string;
};

const none = new Uint8Array(0);

/** A patch that nobody proved: a person's first version, or their own replacement. */
const unproven = {
  bound: 0n,
  model_hash: none,
  prompt_hash: none,
  proof_hash: none,
  proof: 0,
};

/** The certificate for the board's checker. Without the compiler that builds the inference the board infers for itself. */
const certificateFor = async (program: ModuleProgram): Promise<Uint8Array> => {
  try {
    return await certificateOf(program);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return none;
  }
};

/** Names the running version as parent and takes the next sequence number of the key, or of all, both read from the board. */
export const patchFor = async (
  link: VelocityLink,
  request: PatchRequest,
  key?: SigningKey,
): Promise<Patch> => {
  const info = await link.info();
  const newest = key ? await link.sequenceOf(keyId(key.publicKey)) : info.sequence;
  const running = (await link.modules()).find((module) => module.name === request.name);
  return {
    ...unproven,
    name: request.name,
    hook: request.program.hookId,
    board_class: info.board_class,
    code: request.program.code,
    certificate: await certificateFor(request.program),
    maps: patchMaps(request.program),
    parent: running?.sha ?? none,
    sequence: newest + 1n,
    proposer: request.proposer ?? 'person',
    cores: request.cores ?? 0,
    period_us: request.periodUs ?? 0,
    boot: info.boot,
  };
};

/** Signs, stages and installs. @throws RefusedError with the board's reason */
export const push = async (
  link: VelocityLink,
  patch: Patch,
  key: SigningKey,
  options: Request<'install'>,
  onProgress?: (done: number, total: number) => void,
): Promise<Response<'install'>> => link.installPatch(signPatch(patch, key), options, onProgress);
