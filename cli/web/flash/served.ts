/** What the server offers to the page, besides the page. */

export type Facts = {
  /** Public key that images must be signed with, in hex. */
  readonly key: string;
  /** Compiled device trees by the name of the board. */
  readonly trees: Readonly<Record<string, string>>;
  /** Files of the Raspberry Pi firmware, where a folder was named. */
  readonly firmware: readonly string[];
  /** That folder. */
  readonly firmwareFolder: string;
};

/** Addresses, below that of the page. */
export const FACTS = 'facts.json';
export const MANIFEST = 'manifest.json';
export const IMAGE = 'Image';
/** The image as a kernel that runs takes it. */
export const UPDATE = 'update';
/** That again, signed anew: a board refused the one before. */
export const UPDATE_ANEW = 'update-anew';
export const FIRMWARE = 'firmware/';
