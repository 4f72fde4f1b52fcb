/** Runs every case of cases/*.yaml against the verifier, built natively with sanitizers. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { verifierStatuses } from '../../abi/index.ts';
import { verifyAll } from './native.ts';
import { type Case, requestOf } from './request.ts';

const folder = new URL('cases/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const cases = files.flatMap((file) =>
  (parse(readFileSync(new URL(file, folder), 'utf8')) as Case[]).map((c) => ({
    ...c,
    name: `${file.replace('.yaml', '')}: ${c.name}`,
  })),
);

test('case names are unique', (t) => {
  const names = cases.map((c) => c.name);
  t.is(new Set(names).size, names.length);
});

test('every case gives its verdict', async (t) => {
  const verdicts = await verifyAll(cases.map(requestOf));
  for (const [i, c] of cases.entries()) {
    const verdict = verdicts[i]!;
    t.is(verdict.code, c.ok ? 'ok' : c.error!, `${c.name}: ${verdict.message} at ${verdict.insn}`);
    if (c.insn !== undefined) t.is(verdict.insn, c.insn, c.name);
    if (c.message !== undefined) t.is(verdict.message, c.message, c.name);
    if (c.bound !== undefined) t.is(verdict.bound, c.bound, c.name);
    if (c.stack !== undefined) t.is(verdict.stack_bytes, c.stack, c.name);
    if (c.steps !== undefined) t.true(verdict.steps <= c.steps, `${c.name}: ${verdict.steps} steps`);
  }
});

/** Refusals of certificates, which these cases do not give, and of what only BTF says: test/platform/programs has cases. */
const unused = ['bad_certificate', 'kernel_field'];

test('every refusal has a case', (t) => {
  const covered = new Set(cases.map((c) => c.error));
  const missing = verifierStatuses.map((s) => s.name).filter((name) => !covered.has(name));
  t.deepEqual(missing.sort(), [...unused].sort());
});
