/** Properties of the root of a flattened one (Devicetree Specification 0.4, chapter 5). */
const MAGIC = 0xd00dfeed;
const BEGIN_NODE = 1;
const PROPERTY = 3;
const NOTHING = 4;

/**
 * The tree as it describes the emulator: QEMU's power management block resets the board as soon as its watchdog is started,
 * which the name of the node's class says (kernel-aarch64/drivers/watchdog.h).
 */
export const emulatedTree = (tree: Uint8Array): Buffer =>
  Buffer.from(
    Buffer.from(tree).toString('latin1').replaceAll('brcm,bcm2835-pm-wdt', 'qemu,bcm2835-pm-wdt'),
    'latin1',
  );

export type RootProperties = { readonly model: string; readonly compatible: readonly string[] };

const words4 = (at: number) => Math.ceil(at / 4) * 4;
const texts = (bytes: Buffer) =>
  bytes
    .toString('latin1')
    .split('\0')
    .filter((text) => text !== '');

/** Undefined when the bytes are no device tree. */
export const rootProperties = (tree: Uint8Array): RootProperties | undefined => {
  const bytes = Buffer.from(tree.buffer, tree.byteOffset, tree.byteLength);
  if (bytes.length < 40 || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  const names = bytes.readUInt32BE(12);
  let at = bytes.readUInt32BE(8);
  const found = new Map<string, string[]>();
  try {
    if (bytes.readUInt32BE(at) !== BEGIN_NODE) return undefined;
    at += 8; // the root's name is empty
    for (;;) {
      const token = bytes.readUInt32BE(at);
      if (token === NOTHING) at += 4;
      if (token === NOTHING) continue;
      if (token !== PROPERTY) break; // properties stand before the first child
      const length = bytes.readUInt32BE(at + 4);
      const name = names + bytes.readUInt32BE(at + 8);
      found.set(
        bytes.toString('latin1', name, bytes.indexOf(0, name)),
        texts(bytes.subarray(at + 12, at + 12 + length)),
      );
      at = words4(at + 12 + length);
    }
  } catch {
    return undefined; // an offset leads out of it
  }
  return { model: found.get('model')?.[0] ?? '', compatible: found.get('compatible') ?? [] };
};
