/** Emits the kernel's table of vector helpers. */
import { banner } from './emit-c.ts';
import { elementsOf, VECTOR_ID_FIRST, type Vector, type VectorArgument, vectors } from './vectors.ts';

const upper = (name: string) => name.toUpperCase();

const argument = (vector: Vector, a: VectorArgument) => {
  if (!('elements' in a))
    return `VECTOR_ARGUMENT(.kind = VECTOR_${upper(a.kind === 'count' ? 'count0' : a.kind)})`;
  const { rule, first, second } = elementsOf(vector, a.elements);
  if (rule === 'fixed' && first !== 256) throw new Error(`no rule for ${first} elements`);
  return `VECTOR_ARGUMENT(VECTOR_${upper(a.kind)}, ${a.bytes}, RULE_${upper(rule)}, ${rule === 'fixed' ? 0 : first}, ${second})`;
};

const row = ([name, v]: [string, Vector]) => {
  const args = Object.values(v.args).map((a) => argument(v, a));
  return `    row(${name}, ${v.id}, RESULT_${upper(v.returns)}, ${v.overlaps ?? false}, ${v.cost.call}, ${v.cost.row}, ${v.cost.block}, ${args.length}, ${args.join(', ')})`;
};

export const emitVectors = () => {
  const rows = Object.entries(vectors);
  return `${[
    `${banner('vectors.ts')}#pragma once`,
    '#include <stdint.h>',
    `enum vector_id : uint32_t {\n${rows.map(([name, v]) => `    ${upper(name)} = ${v.id},`).join('\n')}\n};`,
    `#define VECTOR_ID_FIRST ${VECTOR_ID_FIRST}u\n#define VECTOR_COUNT ${rows.length}u`,
    'enum vector_kind : uint8_t { VECTOR_NONE, VECTOR_NUMBER, VECTOR_COUNT0, VECTOR_COUNT1, VECTOR_IN, VECTOR_OUT, VECTOR_INOUT };',
    '/* Elements of a buffer from the values of the arguments `first` and `second`: first, first * second, first + second - 1, or\n * 256. */\nenum vector_rule : uint8_t { RULE_COUNT, RULE_PRODUCT, RULE_WINDOW, RULE_FIXED };',
    'enum vector_result : uint8_t {\n    RESULT_NOTHING, RESULT_I64, RESULT_U64, RESULT_I32, RESULT_U32, RESULT_U16, RESULT_U8,\n    RESULT_DIFFERENCE, /* -255..255 */\n    RESULT_INDEX,      /* below the count */\n    RESULT_PLACE,      /* that, or -1 */\n};',
    'struct vector_argument {\n    uint16_t kind : 3;  /* enum vector_kind */\n    uint16_t bytes : 3; /* of an element of a buffer */\n    uint16_t rule : 2;  /* enum vector_rule */\n    uint16_t first : 3, second : 3;\n};',
    `#define VECTOR_ARGUMENT(...) {__VA_ARGS__}\n/* Calls row(name, id, result, overlaps, cost of a call, of a row, of a block, number of arguments, struct vector_argument...). */\n#define VECTOR_TABLE(row) \\\n${rows.map(row).join(' \\\n')}`,
  ].join('\n\n')}\n`;
};
