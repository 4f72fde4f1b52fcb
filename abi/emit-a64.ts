/** Emits the A64 encoders of the kernel's JIT. */
import { choices, type Form, forms, immediateFields, layout, operands } from './a64.ts';
import { banner } from './emit-c.ts';

const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}u`;

const enumerator = ({ type, values }: { type: string; values: readonly string[] }) =>
  `enum ${type} : uint32_t { ${values.map((v, i) => `${type.toUpperCase()}_${v.toUpperCase()} = ${i}`).join(', ')} };`;

const immediateType = ([name, doc]: [string, string]) =>
  `struct a64_${name} { uint32_t bits; }; /* ${doc} */`;

const parameterType = (field: string) => {
  if (field in choices) return `enum ${choices[field as keyof typeof choices].type}`;
  if (field in immediateFields) return `struct a64_${field}`;
  return field.startsWith('v') ? 'enum a64_vector' : 'enum a64_reg';
};

const term = (form: Form) =>
  layout(form).placements.map(({ field, fromBit, toBit, width }) => {
    const value = field! in immediateFields ? `${field}.bits` : `(uint32_t)${field}`;
    const from = fromBit === 0 ? value : `${value} >> ${fromBit}`;
    const whole = form.bits.split(`${field}[`).length < 2;
    const masked = whole ? from : `(${from} & ${2 ** width - 1}u)`;
    return toBit === 0 ? masked : `${masked} << ${toBit}`;
  });

const encoder = ([name, form]: [string, Form]) => {
  const parameters = operands(form).map((field) => `${parameterType(field)} ${field}`);
  const value = [hex(layout(form).fixed), ...term(form)].join(' | ');
  return `/* ${form.title}: ${form.bits} */\nstatic inline uint32_t a64_${name}(${parameters.join(', ') || 'void'}) {\n    return ${value};\n}`;
};

const vectorRegisters = `enum a64_vector : uint32_t {\n    ${Array.from({ length: 32 }, (_, i) => `V${i}`).join(', ')},\n};`;

const registers = `enum a64_reg : uint32_t {\n    ${Array.from({ length: 31 }, (_, i) => `X${i}`).join(', ')},\n    XZR = 31,\n    SP = 31, /* which of the two 31 means depends on the form */\n};`;

export const emitA64 = () =>
  `${[
    `${banner('a64.ts')}#pragma once`,
    '/* Arm Architecture Reference Manual, DDI 0487, C6.2 and C7.2, under the title given at each encoder; operands from the lowest bit up.\n * Fields are taken as they are: only the constructors in bpf/jit/immediate.h make immediates. */',
    '#include <stdint.h>',
    registers,
    vectorRegisters,
    Object.values(choices).map(enumerator).join('\n'),
    Object.entries(immediateFields).map(immediateType).join('\n'),
    ...Object.entries<Form>(forms).map(encoder),
  ].join('\n\n')}\n`;
