/** Emits C structs, decoders and encoders for the messages of SMP group 64. */
import { banner } from './emit-c.ts';
import type { Field, Fields } from './fields.ts';
import {
  CHUNK_BYTES,
  HISTOGRAM_BINS,
  type Message,
  messages,
  NAME_BYTES,
  REPORT_BYTES,
  SMP_BUFFER_BYTES,
  SMP_GROUP_VELOCITY,
  STAGE_BYTES,
} from './messages.ts';

const entries = Object.entries<Message>(messages);

const member = (name: string, field: Field & { optional?: boolean; doc: string }) => {
  const type = {
    u32: 'uint32_t',
    u64: 'uint64_t',
    bool: 'bool',
    text: 'struct span',
    bytes: 'struct span',
  }[field.kind];
  const lines = [`    ${type} ${name}; /* ${field.doc} */`];
  if (field.optional) lines.push(`    bool has_${name};`);
  return lines.join('\n');
};

const struct = (name: string, fields: Fields) =>
  `struct ${name} {\n${Object.entries(fields)
    .map(([n, f]) => member(n, f))
    .join('\n')}\n};`;

const has = (fields: Fields) => Object.keys(fields).length > 0;

const requestStruct = (name: string) => `msg_${name}_request`;
const responseStruct = (name: string) => `msg_${name}_response`;

const kinds = { u32: 0, u64: 1, bool: 2, text: 3, bytes: 4 } as const;
const sizes = { u32: 4, u64: 8, bool: 1, text: 16, bytes: 16 } as const;
const OPTIONAL = 8;
const NAME_LIMIT = 15;

/** As lib/record.h reads it. */
const describe = (fields: Fields, limited: boolean): number[] => [
  Object.keys(fields).length,
  ...Object.entries(fields).flatMap(([name, field]) => {
    if (name.length > NAME_LIMIT) throw new RangeError(`${name} is longer than ${NAME_LIMIT} characters`);
    const head = kinds[field.kind] | (field.optional ? OPTIONAL : 0) | (name.length << 4);
    const limit = limited && 'max' in field ? [field.max & 255, field.max >> 8] : [];
    return [head, ...Buffer.from(name), ...limit];
  }),
];

/** Where the members lie, as lib/record.c finds them; the compiler is asked whether it agrees. */
const layoutChecks = (struct: string, fields: Fields): string[] => {
  let end = 0;
  return Object.entries(fields).map(([name, field]) => {
    const alignment = Math.min(sizes[field.kind], 8);
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + sizes[field.kind] + (field.optional ? 1 : 0);
    return `static_assert(offsetof(struct ${struct}, ${name}) == ${offset});`;
  });
};

/** Descriptions of all records, one behind the other, each with where it begins; 0 is nobody's. */
const descriptions = (() => {
  const bytes: number[] = [0];
  const starts: Record<string, number> = {};
  const add = (name: string, fields: Fields, limited: boolean) => {
    if (!has(fields)) return;
    starts[name] = bytes.length;
    bytes.push(...describe(fields, limited));
  };
  for (const [name, m] of entries) {
    add(requestStruct(name), m.request, true);
    add(responseStruct(name), m.response, false);
  }
  return { bytes, starts };
})();

const start = (struct: string) => `${descriptions.starts[struct] ?? 0}u`;

const decoder = (name: string) => `[[nodiscard]] static inline enum status
decode_${name}_request(struct cbor_reader *in, struct ${requestStruct(name)} *out) {
    *out = (struct ${requestStruct(name)}){};
    return record_decode(message_records + ${start(requestStruct(name))}, in, out);
}`;

const declarations = ([name, m]: [string, Message]) => {
  const lines = [`/* ${m.doc} */`, `#define MSG_${name.toUpperCase()} ${m.id}u`];
  if (has(m.request)) lines.push(struct(requestStruct(name), m.request), decoder(name));
  if (has(m.response)) lines.push(struct(responseStruct(name), m.response));
  return lines.join('\n');
};

/** Which of the four shapes a message has: C has no types for a record without fields. */
const shape = (m: Message) => {
  if (has(m.request)) return has(m.response) ? 'both' : 'request';
  return has(m.response) ? 'response' : 'bare';
};

const shapes = () =>
  `/* Calls one of four macros for each message by what it carries: both, a request, a response, nothing. They get (name, id). */
#define MESSAGE_SHAPES(both, request, response, bare) \\
${entries.map(([n, m]) => `    ${shape(m)}(${n}, ${m.id}u)`).join(' \\\n')}`;

const table = () =>
  `/* Calls row(name, id, is_write, door, request, response) for each message; door: what a policy may close, else 0; request,
 * response: where in message_records it is described, 0 when it carries nothing. */
#define MESSAGE_TABLE(row) \\
${entries
  .map(([n, m]) => {
    const door = m.door ? `DOOR_${m.door.toUpperCase()}` : '0';
    return `    row(${n}, ${m.id}u, ${m.op === 'write'}, ${door}, ${start(requestStruct(n))}, ${start(responseStruct(n))})`;
  })
  .join(' \\\n')}`;

export const emitMessagesHeader = () =>
  `${[
    `${banner('messages.ts')}#pragma once`,
    '#include "gen/abi_status.h"\n#include "lib/record.h"\n#include <stdint.h>',
    '/* What lib/record.h describes records by, one behind the other. */\nextern const uint8_t message_records[];',
    [
      `#define SMP_GROUP_VELOCITY ${SMP_GROUP_VELOCITY}u`,
      `#define SMP_BUFFER_BYTES ${SMP_BUFFER_BYTES}u`,
      `#define STAGE_BYTES ${STAGE_BYTES}u`,
      `#define CHUNK_BYTES ${CHUNK_BYTES}u`,
      `#define REPORT_BYTES ${REPORT_BYTES}u`,
      `#define NAME_BYTES ${NAME_BYTES}u`,
      `#define HISTOGRAM_BINS ${HISTOGRAM_BINS}u`,
    ].join('\n'),
    ...entries.map(declarations),
    table(),
    shapes(),
  ].join('\n\n')}\n`;

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;

const rowsOf = (bytes: readonly number[]) =>
  Array.from({ length: Math.ceil(bytes.length / 20) }, (_, i) => bytes.slice(i * 20, i * 20 + 20));

export const emitMessagesSource = () =>
  `${[
    `${banner('messages.ts')}#include "gen/abi_messages.h"\n#include <stddef.h>`,
    entries
      .flatMap(([name, m]) => [
        ...layoutChecks(requestStruct(name), m.request),
        ...layoutChecks(responseStruct(name), m.response),
      ])
      .join('\n'),
    `const uint8_t message_records[] = {\n${rowsOf(descriptions.bytes)
      .map((row) => `    ${row.map(hex).join(', ')},`)
      .join('\n')}\n};`,
  ].join('\n\n')}\n`;
