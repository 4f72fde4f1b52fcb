/** The reference of bench files, for the documents. */
import { boardFields } from './fields.ts';
import type { Field, Fields } from './schema.ts';

const valuesOf = (field: Field): string => {
  switch (field.type) {
    case 'text':
      return `text, e.g. \`${field.example}\``;
    case 'number':
      return `${field.min} to ${field.max}${field.standard === undefined ? '' : `; default ${field.standard}`}`;
    case 'choice':
      return field.of.length > 4
        ? 'a name of the table of boards'
        : field.of.map((name) => `\`${name}\``).join(', ');
    case 'name or false':
      return `${field.of.map((name) => `\`${name}\``).join(', ')}, \`false\``;
    case 'group':
      return field.orTrue ? '`true` or a map' : 'a map';
    case 'variant':
      return `a map with \`by:\` ${Object.keys(field.of)
        .map((name) => `\`${name}\``)
        .join(', ')}`;
  }
};

const innerOf = (name: string, field: Field): string[][] => {
  if (field.type === 'group') return rowsOf(field.fields, `${name}.`);
  if (field.type !== 'variant') return [];
  return Object.entries(field.of).flatMap(([kind, fields]) => rowsOf(fields, `${name}.`, ` (by: ${kind})`));
};

const rowsOf = (fields: Fields, prefix = '', remark = ''): string[][] =>
  Object.entries(fields).flatMap(([name, field]) => [
    [`\`${prefix}${name}\`${remark}`, field.optional ? '' : 'yes', valuesOf(field), field.doc],
    ...innerOf(`${prefix}${name}`, field),
  ]);

/** Rows of field, whether it is needed, values, meaning. */
export const benchReference = (): string[][] => rowsOf(boardFields);
