/** What the loop needs of a board, and that port over a link. */
import type { ModuleProgram } from '../ebpf/index.ts';
import { type Patch, type SigningKey, signPatch } from '../firmware/sign.ts';
import type { BoardEvent, ModuleInfo, Request, Response, Telemetry, VelocityLink } from '../link/index.ts';

export type InstallOptions = Request<'install'>;
export type Installed = Response<'install'>;
export type { BoardEvent };

export type BoardPort = {
  readonly boardClass: () => Promise<string>;
  /** Boot id: which start of the board a patch is for. */
  readonly boot: () => Promise<Uint8Array>;
  /** Highest sequence number accepted from a key so far. */
  readonly sequence: (keyId: string) => Promise<bigint>;
  /** The installed module of this name. */
  readonly module: (name: string) => Promise<ModuleInfo | undefined>;
  readonly telemetry: () => Promise<readonly Omit<Telemetry, 'histogram'>[]>;
  /** @throws when the board refuses, with its reason. */
  readonly install: (patch: Uint8Array, options: InstallOptions) => Promise<Installed>;
  /** Events after this sequence number, oldest first, as many as there are now. */
  readonly events: (since: bigint) => AsyncIterable<BoardEvent>;
};

export const linkBoard = (link: VelocityLink): BoardPort => ({
  boardClass: async () => (await link.info()).board_class,
  boot: async () => (await link.info()).boot,
  sequence: link.sequenceOf,
  module: async (name) => (await link.modules()).find((m) => m.name === name),
  telemetry: () => link.telemetryAll(),
  install: (patch, options) => link.installPatch(patch, options),
  events: (since) => link.events(since),
});

export type PatchDetails = {
  readonly name: string;
  readonly program: ModuleProgram;
  readonly parent: Uint8Array;
  readonly sequence: bigint;
  readonly boardClass: string;
  readonly boot: Uint8Array;
  /** For the board's checker; empty when there is none. */
  readonly certificate: Uint8Array;
  readonly bound: bigint;
  readonly proposer: string;
  readonly modelHash?: Uint8Array | undefined;
  readonly promptHash?: Uint8Array | undefined;
  readonly proofHash: Uint8Array;
  readonly assurance: 0 | 1 | 2;
  readonly cores: number;
};

const none = new Uint8Array(0);

/** The maps of a program as its patch declares them. */
export const patchMaps = (program: Pick<ModuleProgram, 'maps'>): Patch['maps'] =>
  program.maps.map((m) => ({
    name: m.name,
    type: m.type,
    key_size: m.keySize,
    value_size: m.valueSize,
    max_entries: m.maxEntries,
    flags: m.flags,
    ...(m.init ? { init: m.init } : {}),
  }));

/** Signed, ready to be staged. */
export const buildPatch = (d: PatchDetails, key: SigningKey): Uint8Array => {
  const patch: Patch = {
    name: d.name,
    hook: d.program.hookId,
    board_class: d.boardClass,
    code: d.program.code,
    maps: patchMaps(d.program),
    certificate: d.certificate,
    bound: d.bound,
    parent: d.parent,
    sequence: d.sequence,
    proposer: d.proposer,
    model_hash: d.modelHash ?? none,
    prompt_hash: d.promptHash ?? none,
    proof_hash: d.proofHash,
    proof: d.assurance,
    cores: d.cores,
    period_us: 0,
    boot: d.boot,
  };
  return signPatch(patch, key);
};
