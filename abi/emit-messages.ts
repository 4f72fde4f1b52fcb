/** Emits C structs, decoders and encoders for the messages of SMP group 64. */
import { banner } from './emit-c.ts';
import type { Field, Fields } from './fields.ts';
import {
  CHUNK_BYTES,
  HISTOGRAM_BINS,
  type Message,
  messages,
  NAME_BYTES,
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

const declarations = ([name, m]: [string, Message]) => {
  const lines = [`/* ${m.doc} */`, `#define MSG_${name.toUpperCase()} ${m.id}u`];
  if (has(m.request)) {
    lines.push(struct(requestStruct(name), m.request));
    lines.push(
      `[[nodiscard]] enum status decode_${name}_request(struct cbor_reader *in, struct ${requestStruct(name)} *out);`,
    );
  }
  if (has(m.response)) {
    lines.push(struct(responseStruct(name), m.response));
    lines.push(
      `void encode_${name}_response(struct cbor_writer *out, const struct ${responseStruct(name)} *value);`,
    );
  }
  return lines.join('\n');
};

/** Which of the four shapes a message has: C has no types for a record without fields. */
const shape = (m: Message) => {
  if (has(m.request)) return has(m.response) ? 'both' : 'request';
  return has(m.response) ? 'response' : 'bare';
};

const shapes = () =>
  `/* As MESSAGE_TABLE, but calls one of four by what the message carries: both, a request, a response, nothing. */
#define MESSAGE_SHAPES(both, request, response, bare) \\
${entries.map(([n, m]) => `    ${shape(m)}(${n}, ${m.id}u, ${m.op === 'write'})`).join(' \\\n')}`;

export const emitMessagesHeader = () =>
  `${[
    `${banner('messages.ts')}#pragma once`,
    '#include "gen/abi_status.h"\n#include "lib/cbor.h"\n#include <stdint.h>',
    [
      `#define SMP_GROUP_VELOCITY ${SMP_GROUP_VELOCITY}u`,
      `#define SMP_BUFFER_BYTES ${SMP_BUFFER_BYTES}u`,
      `#define STAGE_BYTES ${STAGE_BYTES}u`,
      `#define CHUNK_BYTES ${CHUNK_BYTES}u`,
      `#define NAME_BYTES ${NAME_BYTES}u`,
      `#define HISTOGRAM_BINS ${HISTOGRAM_BINS}u`,
    ].join('\n'),
    ...entries.map(declarations),
    `/* Calls row(name, id, is_write, door) for each message; door: what a policy may close, else 0. */\n#define MESSAGE_TABLE(row) \\\n${entries
      .map(
        ([n, m]) =>
          `    row(${n}, ${m.id}u, ${m.op === 'write'}, ${m.door ? `DOOR_${m.door.toUpperCase()}` : '0'})`,
      )
      .join(' \\\n')}`,
    shapes(),
  ].join('\n\n')}\n`;

const getter = {
  u32: 'cbor_get_u32',
  u64: 'cbor_get_uint',
  bool: 'cbor_get_bool',
  text: 'cbor_get_text',
  bytes: 'cbor_get_bytes',
};

const decodeField = (name: string, field: Field & { optional?: boolean }, bit: number) => {
  const limit = 'max' in field ? ` && out->${name}.size <= ${field.max}u` : '';
  return [
    `        if (span_is(key, "${name}")) {`,
    `            if ((seen & ${1 << bit}u) != 0) { return STATUS_INVALID_ARGUMENT; }`,
    `            seen |= ${1 << bit}u;`,
    `            if (!(${getter[field.kind]}(in, &out->${name}) == STATUS_OK${limit})) { return STATUS_INVALID_ARGUMENT; }`,
    ...(field.optional ? [`            out->has_${name} = true;`] : []),
    '            continue;',
    '        }',
  ].join('\n');
};

const decoder = (name: string, fields: Fields) => {
  const required = Object.values(fields).reduce((mask, f, i) => (f.optional ? mask : mask | (1 << i)), 0);
  return `enum status decode_${name}_request(struct cbor_reader *in, struct ${requestStruct(name)} *out) {
    *out = (struct ${requestStruct(name)}){};
    uint32_t pairs = 0;
    uint32_t seen = 0;
    if (cbor_get_map(in, &pairs) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    for (uint32_t i = 0; i < pairs; i++) {
        struct span key;
        if (cbor_get_text(in, &key) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
${Object.entries(fields)
  .map(([n, f], i) => decodeField(n, f, i))
  .join('\n')}
        if (cbor_skip(in) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    }
    return (seen & ${required}u) == ${required}u && in->pos == in->size ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}`;
};

const putter = (name: string, field: Field) => {
  switch (field.kind) {
    case 'u32':
    case 'u64':
      return `cbor_put_uint(out, value->${name});`;
    case 'bool':
      return `cbor_put_bool(out, value->${name});`;
    case 'text':
      return `cbor_put_text(out, value->${name});`;
    case 'bytes':
      return `cbor_put_bytes(out, value->${name});`;
  }
};

const encoder = (name: string, fields: Fields) =>
  `void encode_${name}_response(struct cbor_writer *out, const struct ${responseStruct(name)} *value) {
    cbor_put_map(out, ${Object.keys(fields).length}u);
${Object.entries(fields)
  .map(([n, f]) => `    cbor_put_text(out, SPAN("${n}"));\n    ${putter(n, f)}`)
  .join('\n')}
}`;

export const emitMessagesSource = () =>
  `${[
    `${banner('messages.ts')}#include "gen/abi_messages.h"`,
    ...entries.flatMap(([name, m]) => [
      ...(has(m.request) ? [decoder(name, m.request)] : []),
      ...(has(m.response) ? [encoder(name, m.response)] : []),
    ]),
  ].join('\n\n')}\n`;
