/** What the process that tests one board is told, by a file. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeChanged } from '../../firmware/write.ts';
import type { RigBoard, SuiteName } from '../../rig/index.ts';

export type Images = {
  readonly manifest: string;
  readonly image: string;
  readonly build: string;
  /** Linked kernel with symbols. */
  readonly elf: string;
  readonly deviceTree?: string;
};

export type Session = {
  readonly entry: RigBoard;
  readonly images: Images;
  readonly suites: readonly SuiteName[];
  readonly filter?: string;
  readonly folder: string;
};

export const SESSION_VARIABLE = 'VELOCITY_RIG_SESSION';
/** The folder for temporary files of the process that tests one board. */
export const TEMPORARY_VARIABLE = 'VELOCITY_RIG_TEMPORARY';

const stem = ({ name }: RigBoard) => name.replaceAll('/', '_');
export const recordPath = ({ folder, entry }: Session) => join(folder, `${stem(entry)}.jsonl`);
export const consolePath = ({ folder, entry }: Session) => join(folder, `${stem(entry)}.console.log`);

/** What an earlier run left in this folder under these names is gone afterwards. */
export const writeSession = (session: Session): string => {
  for (const old of [recordPath(session), consolePath(session)]) rmSync(old, { force: true });
  const path = join(session.folder, `${stem(session.entry)}.session.json`);
  writeChanged(path, JSON.stringify(session));
  return path;
};

export const readSession = (): Session => {
  const path = process.env[SESSION_VARIABLE];
  if (!path) throw new Error('this file is run by `velocity rig run`');
  return JSON.parse(readFileSync(path, 'utf8')) as Session;
};
