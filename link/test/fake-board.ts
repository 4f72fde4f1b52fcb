/** A board in the same process, for tests of the host side: answers SMP from a table of handlers, and can misbehave. */
import { decode, encode } from 'cborg';
import {
  contractHash,
  decodeRecord,
  encodeRecord,
  messages,
  SMP_GROUP_VELOCITY,
  statusNamed,
} from '../../abi/index.ts';
import { encodeFrame, FrameDecoder } from '../frame.ts';
import { memoryPair } from '../memory.ts';
import { decodeMessage, encodeMessage, type SmpMessage } from '../smp.ts';
import type { Transport } from '../transport.ts';
import type { MessageName, Request, Response } from '../velocity.ts';

/** Thrown by a handler to refuse. */
export class Refusal {
  readonly status: string;
  readonly more: { insn?: number; msg?: string };
  constructor(status: string, more: { insn?: number; msg?: string } = {}) {
    this.status = status;
    this.more = more;
  }
}

export type Handlers = { [N in MessageName]?: (request: Request<N>) => Response<N> };

export const boardInfo: Response<'info'> = {
  version: '0.1.0',
  build: 'ab'.repeat(20),
  board: 'fake',
  board_class: 'aarch64',
  abi: contractHash().subarray(0, 8),
  cores: 4,
  counter_hz: 62_500_000n,
  boot_insns: 1000n,
  image_bytes: 4096,
  features: 0,
  key_id: new Uint8Array(8),
  sequence: 7n,
  boot: new Uint8Array(16),
  entropy: 1,
};

/** Options of misbehaviour: each is asked for every reply. */
export type Misbehaviour = {
  /** Changes the bytes on their way to the host; an empty array loses them. */
  mangle?: (frame: Uint8Array, nth: number) => Uint8Array | Promise<Uint8Array>;
  /** Changes the reply before it is framed. */
  alter?: (reply: SmpMessage, nth: number) => SmpMessage;
};

const nameOf = (id: number) =>
  Object.entries(messages).find(([, message]) => message.id === id)?.[0] as MessageName | undefined;

const velocityReply = (handlers: Handlers, request: SmpMessage): Uint8Array => {
  const name = nameOf(request.id);
  const handler = name && (handlers[name] as ((value: unknown) => unknown) | undefined);
  if (!name || !handler) throw new Refusal('not_supported');
  const value = decodeRecord(messages[name].request, request.payload);
  return encodeRecord(messages[name].response, handler(value) as never);
};

const osReply = (request: SmpMessage): Uint8Array => {
  const value = decode(request.payload) as { d?: string };
  if (request.id === 0) return encode({ r: value.d });
  if (request.id === 5) return encode({});
  if (request.id === 6) return encode({ buf_size: 4096, buf_count: 1 });
  if (request.id === 2) return encode({ tasks: { core0: { prio: 0, tid: 0, runtime: 12 } } });
  throw new Refusal('not_supported');
};

const statReply = (request: SmpMessage): Uint8Array => {
  const value = decode(request.payload) as { name?: string };
  if (request.id === 1) return encode({ stat_list: ['velocity'] });
  if (value.name === 'velocity') return encode({ name: 'velocity', fields: { ticks: 5, installs: 1 } });
  throw new Refusal('no_entry');
};

/** Groups that a test answers itself: the decoded map in, the map of the reply out. */
export type Groups = Readonly<Record<number, (id: number, value: Record<string, unknown>) => object>>;

const replyTo = (handlers: Handlers, groups: Groups, request: SmpMessage): Uint8Array => {
  try {
    const own = groups[request.group]?.(request.id, decode(request.payload) as Record<string, unknown>);
    if (own) return encode(own);
    if (request.group === 0) return osReply(request);
    if (request.group === 2) return statReply(request);
    if (request.group === SMP_GROUP_VELOCITY) return velocityReply(handlers, request);
    return encode({ rc: 8 });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    const rc = statusNamed(refusal.status).code;
    return encode({ err: { group: request.group, rc }, ...refusal.more });
  }
};

export type FakeBoard = {
  /** The host's end of the line. */
  readonly transport: Transport;
  /** The board's end, to write console text or noise to. */
  readonly line: Transport;
  /** Requests in the order they came. */
  readonly requests: SmpMessage[];
  /** Lines typed on its console; it prints each again. */
  readonly typed: string[];
};

export const fakeBoard = (
  handlers: Handlers = {},
  misbehaviour: Misbehaviour = {},
  groups: Groups = {},
): FakeBoard => {
  const [transport, line] = memoryPair('fake');
  const requests: SmpMessage[] = [];
  const typed: string[] = [];
  const withInfo: Handlers = { info: () => boardInfo, ...handlers };
  const answer = async (body: Uint8Array) => {
    const request = decodeMessage(body);
    if (!request) return;
    const nth = requests.push(request) - 1;
    const plain = { ...request, op: request.op + 1, payload: replyTo(withInfo, groups, request) };
    const reply = misbehaviour.alter?.(plain, nth) ?? plain;
    const frame = encodeFrame(encodeMessage(reply));
    const bytes = misbehaviour.mangle ? await misbehaviour.mangle(frame, nth) : frame;
    if (bytes.length > 0) await line.write(bytes).catch(() => {});
  };
  const decoder = new FrameDecoder({
    message: (body) => void answer(body),
    text: (text) => {
      typed.push(text);
      void line.write(Buffer.from(`you typed ${text}\r\n`)).catch(() => {});
    },
    damaged: () => {},
  });
  line.onData((data) => decoder.push(data));
  return { transport, line, requests, typed };
};
