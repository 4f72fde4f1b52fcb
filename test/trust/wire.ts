/** A board with its line in the test's own hands, beside the link that speaks over it. */
import { createHash } from 'node:crypto';
import { messages, SMP_GROUP_VELOCITY } from '../../abi/index.ts';
import { startBoard } from '../../cli/virtual.ts';
import { encodeFrame, type MessageName, openTransport, VelocityLink } from '../../link/index.ts';
import { encodeMessage, smpOps } from '../../link/smp.ts';
import { patience } from '../board/patience.ts';

let sequence = 0;

/** The bytes on the wire of a request whose payload is encoded already. */
export const frameOf = (name: MessageName, payload: Uint8Array): Uint8Array => {
  const { id, op } = messages[name];
  sequence = (sequence + 1) % 256;
  return encodeFrame(
    encodeMessage({ op: smpOps[op], group: SMP_GROUP_VELOCITY, seq: sequence, id, payload }),
  );
};

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export type Wire = {
  readonly link: VelocityLink;
  readonly console: string[];
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export const openWire = async (board: string): Promise<Wire> => {
  const { address, stop } = await startBoard(board);
  const transport = await openTransport(address, {});
  const console: string[] = [];
  const link = await VelocityLink.over(transport, {
    ...patience,
    onConsole: (line) => console.push(line),
  });
  const end = async () => {
    await link.close();
    await stop();
  };
  return { link, console, write: (bytes) => transport.write(bytes), stop: end };
};
