/**
 * The A64 encoders against llvm-mc. To add rows after declaring a form in abi/a64.ts: write the row with the fields and a
 * value of 0, run this file, and check that the text that llvm-mc gives for the reported value is the one you meant.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { choices, encode, type FormName, forms, immediateFields, operands } from '../../abi/a64.ts';
import { compileNative, hasTool, runNative } from './native.ts';

type Golden = { form: FormName; fields: Record<string, number>; value: string; text: string };
const golden: Golden[] = JSON.parse(readFileSync(new URL('a64-golden.json', import.meta.url), 'utf8'));

const MC = 'llvm-mc-19';
const mc = (args: string[], input: string) =>
  execFileSync(MC, ['-triple=aarch64', '-mattr=+v8.5a', ...args], {
    input,
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString();
const littleEndian = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);
const ifTool = (tool: string) => (hasTool(tool) ? test : test.skip);

test('every form has a golden row', (t) => {
  const covered = new Set(golden.map((row) => row.form));
  t.deepEqual(
    Object.keys(forms).filter((name) => !covered.has(name as FormName)),
    [],
  );
});

test('the declared forms encode to the golden values', (t) => {
  for (const { form, fields, value } of golden)
    t.is(encode(form, fields), Number(value), `${form} ${JSON.stringify(fields)}`);
});

ifTool(MC)(`${MC} assembles each golden text to its value`, (t) => {
  const listing = mc(['-show-encoding'], golden.map((row) => row.text).join('\n'));
  const encodings = [...listing.matchAll(/encoding: \[(.*?)\]/g)].map((m) => m[1]!.split(',').map(Number));
  t.is(encodings.length, golden.length);
  golden.forEach((row, i) => {
    t.deepEqual(encodings[i], littleEndian(Number(row.value)), row.text);
  });
});

ifTool(MC)(`${MC} disassembles each golden value to its text`, (t) => {
  const bytes = golden.map((row) => littleEndian(Number(row.value)).join(' ')).join('\n');
  const lines = mc(['--disassemble'], bytes)
    .split('\n')
    .map((line) =>
      line
        .replace(/\/\/.*/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line && !line.startsWith('.'));
  t.deepEqual(
    lines,
    golden.map((row) => row.text),
  );
});

const cArgument = (field: string, value: number) => {
  if (field in choices) return `(enum ${choices[field as keyof typeof choices].type})${value}`;
  if (field in immediateFields) return `(struct a64_${field}){${value}}`;
  return field.startsWith('v') ? `(enum a64_vector)${value}` : `(enum a64_reg)${value}`;
};

const cCall = ({ form, fields }: Golden) =>
  `a64_${form}(${operands(forms[form])
    .map((field) => cArgument(field, fields[field]!))
    .join(', ')})`;

ifTool('clang-19')('the generated C encoders give the golden values', (t) => {
  const lines = golden.map((row) => `    printf("%08x\\n", ${cCall(row)});`);
  const program = compileNative(
    `#include "gen/abi_a64.h"\n#include <stdio.h>\nint main(void) {\n${lines.join('\n')}\n}\n`,
  );
  t.deepEqual(
    runNative(program)
      .trim()
      .split('\n')
      .map((line) => `0x${line}`),
    golden.map((row) => row.value),
  );
});
