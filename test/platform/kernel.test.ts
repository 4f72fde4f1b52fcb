/**
 * The tables for Linux against what a kernel says: kernel-6.18.json holds what Linux 6.18 for x86-64 answered when a program of
 * each type called each helper (`call N; r0 = 0; exit`: open, or "program of this type cannot use helper"), and when one read or
 * wrote 1, 2, 4 and 8 bytes at each place of its context: numbers of helpers, and offsets that may be accessed. Types that attach
 * in several ways hold what any of them may. There was no LIRC, and no program that attaches to functions, on that kernel.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { linuxHelpers, linuxTypes } from '../../abi/platforms/index.ts';
import type { ProgramType } from '../../abi/platforms/platform.ts';

type Access = `${'reads' | 'writes'}${1 | 2 | 4 | 8}`;
type Answers = {
  readonly helpers: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, Readonly<Partial<Record<Access, string>>>>>;
};
const kernel = JSON.parse(readFileSync(new URL('kernel-6.18.json', import.meta.url), 'utf8')) as Answers;
const types: Readonly<Record<string, ProgramType>> = linuxTypes;

const numbers = (ranges = '') =>
  new Set(
    ranges.split(' ').flatMap((range) => {
      const [from, to = from] = range.split('-').map(Number);
      return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
    }),
  );

/** What a kernel closes by how it is configured, and what programs of the same type may that attach to functions. */
const elsewhere = new Map([
  [36, 'writing user memory, unless the kernel is locked down'],
  [58, 'another result for a function, if the kernel was built with it'],
  [147, 'paths, in functions that have one'],
  [183, 'arguments of a function'],
  [184, 'result of a function'],
  [185, 'number of arguments of a function'],
]);

for (const [name, open] of Object.entries(kernel.helpers))
  test(`${name}: no helper is open that Linux closes to such programs`, (t) => {
    const allowed = numbers(open);
    const { id } = types[name]!;
    const wrong = linuxHelpers.filter(
      (h) =>
        (h.types?.includes(id) ?? true) &&
        !allowed.has(h.id) &&
        !elsewhere.has(h.id) &&
        !(h.flags.includes('sleeps') && name !== 'syscall'), // asked of programs that do not
    );
    t.deepEqual(
      wrong.map((h) => `${h.id} ${h.name}`),
      [],
    );
  });

/** As context_field_at() in kernel-aarch64/bpf/verifier/platform.c: the first field that holds all bytes decides. */
const allows = ({ fields, size }: ProgramType, at: number, bytes: number, what: 'reads' | 'writes') => {
  const field = fields.find((f) => at >= f.offset && at + bytes <= f.offset + f.bytes);
  return at % bytes === 0 && at + bytes <= size && ((field?.[what] ?? 0) & bytes) !== 0;
};

/** iproute2 has no such section; those who name one so load it as the one or the other. */
test('what a section `filter` stands for may do no more than a classifier', (t) => {
  const [filter, classifier] = [types.socket_filter!, types.sched_cls!];
  const more = linuxHelpers.filter((h) => h.types?.includes(filter.id) && !h.types.includes(classifier.id));
  t.deepEqual(
    more.map((h) => h.name),
    [],
  );
  const wrong: string[] = [];
  for (const what of ['reads', 'writes'] as const)
    for (const bytes of [1, 2, 4, 8] as const)
      for (let at = 0; at + bytes <= filter.size; at++)
        if (allows(filter, at, bytes, what) && !allows(classifier, at, bytes, what))
          wrong.push(`${what} ${bytes} at ${at}`);
  t.deepEqual(wrong, []);
  t.true(!filter.legacyLoads || classifier.legacyLoads);
});

/** Contexts that have no end of their own were asked so far. */
const ASKED_BYTES: Readonly<Record<string, number>> = { tracepoint: 120, syscall: 64 };
/** What a function has for arguments only its type says: this one has two. */
const TRACED_BYTES = 16;

for (const [name, answers] of Object.entries(kernel.fields))
  test(`${name}: no access to the context is allowed that Linux refuses`, (t) => {
    const wrong: string[] = [];
    for (const what of ['reads', 'writes'] as const)
      for (const bytes of [1, 2, 4, 8] as const) {
        const allowed = numbers(answers[`${what}${bytes}`]);
        const most = name === 'tracing' ? TRACED_BYTES : (ASKED_BYTES[name] ?? types[name]!.size);
        for (let at = 0; at + bytes <= most; at++)
          if (allows(types[name]!, at, bytes, what) && !allowed.has(at))
            wrong.push(`${what} ${bytes} at ${at}`);
      }
    t.deepEqual(wrong, []);
  });
