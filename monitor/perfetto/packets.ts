/** Packets of a Perfetto trace (protos/perfetto/trace/trace_packet.proto, track_event.proto, track_descriptor.proto). */
import { Double, type Field, message } from './protobuf.ts';

/** All packets are of one writer; its first one says that nothing from before is known. */
const SEQUENCE = 1;
const INCREMENTAL_STATE_CLEARED = 1;

const types = { begin: 1, end: 2, instant: 3, counter: 4 } as const;

export type Note = Readonly<Record<string, string | number | bigint>>;

const packet = (fields: readonly Field[]): Buffer => message([[1, [...fields, [10, SEQUENCE]]]]);

export const firstPacket = (): Buffer => packet([[13, INCREMENTAL_STATE_CLEARED]]);

export const processTrack = (uuid: number, pid: number, name: string): Buffer =>
  packet([
    [
      60,
      [
        [1, uuid],
        [
          3,
          [
            [1, pid],
            [6, name],
          ],
        ],
      ],
    ],
  ]);

export const track = (uuid: number, parent: number, name: string): Buffer =>
  packet([
    [
      60,
      [
        [1, uuid],
        [5, parent],
        [2, name],
      ],
    ],
  ]);

export const counterTrack = (uuid: number, parent: number, name: string, unit: string): Buffer =>
  packet([
    [
      60,
      [
        [1, uuid],
        [5, parent],
        [2, name],
        [8, [[6, unit]]],
      ],
    ],
  ]);

const annotation = ([name, value]: [string, Note[string]]): Field => [
  4,
  typeof value === 'string'
    ? [
        [10, name],
        [6, value],
      ]
    : [
        [10, name],
        [4, value],
      ],
];

/** `time_ns` since 1970, in the trace's own clock. */
const event = (time_ns: bigint, fields: readonly Field[]) =>
  packet([
    [8, time_ns],
    [11, fields],
  ]);

export const begin = (time_ns: bigint, uuid: number, name: string, note: Note = {}): Buffer =>
  event(time_ns, [[9, types.begin], [11, uuid], [23, name], ...Object.entries(note).map(annotation)]);

export const end = (time_ns: bigint, uuid: number): Buffer =>
  event(time_ns, [
    [9, types.end],
    [11, uuid],
  ]);

export const instant = (time_ns: bigint, uuid: number, name: string, note: Note = {}): Buffer =>
  event(time_ns, [[9, types.instant], [11, uuid], [23, name], ...Object.entries(note).map(annotation)]);

export const count = (time_ns: bigint, uuid: number, value: number): Buffer =>
  event(time_ns, [
    [9, types.counter],
    [11, uuid],
    [44, new Double(value)],
  ]);
