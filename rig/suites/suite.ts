/** What a test of the rig is: declared once, run on every board. */
import type { ExecutionContext } from 'ava';
import type { ModuleProgram } from '../../ebpf/index.ts';
import type { Request, Response, VelocityLink } from '../../link/index.ts';
import type { RigBoard } from '../bench/index.ts';
import type { Device } from '../device.ts';
import type { SuiteName } from './names.ts';

/** What tests are given: the board, and what the command line knows and the board does not. */
export type Bench = {
  readonly entry: RigBoard;
  readonly device: Device;
  /** The link of this moment: it is another one after a host's death. */
  readonly link: VelocityLink;
  /** Build id of the image that was flashed; undefined when the board boots what it has. */
  readonly build: string | undefined;
  /** Signs and installs a program as the next version of the module of its name. */
  readonly install: (program: ModuleProgram, options?: Request<'install'>) => Promise<Response<'install'>>;
  /** Takes a module away once what it cost is in the record, however short it lived. */
  readonly remove: (name: string) => Promise<void>;
  /** A line for the report, whether the test passes or not. */
  readonly log: (line: string) => void;
};

/** Of one try, in seconds of the host, which may be busy with other boards. */
export const DEFAULT_TIMEOUT_SECONDS = 180;

export type Case = {
  readonly suite: SuiteName;
  /** States the property. */
  readonly name: string;
  /** How often it is tried again when it fails, and why that is right. */
  readonly retry?: { readonly times: number; readonly because: string };
  /** How long one try may take, in seconds of the host; default DEFAULT_TIMEOUT_SECONDS. */
  readonly timeoutSeconds?: number;
  readonly run: (t: ExecutionContext, bench: Bench) => Promise<unknown>;
};

/** The cases of one suite. */
export const suite = (name: SuiteName, cases: readonly Omit<Case, 'suite'>[]): Case[] =>
  cases.map((each) => ({ suite: name, ...each }));
