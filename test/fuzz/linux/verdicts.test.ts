/** The parts of the target linux-verdicts, and a short run of it where the kernel was fetched before. */
import test from 'ava';
import { assemble } from '../../../ebpf/assembler.ts';
import { Btf } from '../../../ebpf/elf/btf.ts';
import { Random } from '../../../ebpf/random.ts';
import { findTool } from '../../../firmware/index.ts';
import { fetchedLinux } from '../../bench/peers/linux-package.ts';
import { type Verdict, verifyAll } from '../../verifier/native.ts';
import { requestOf } from '../../verifier/request.ts';
import { toolsFor } from '../fuzz.ts';
import { composed } from './composed.ts';
import { Differences, kindOf, knownDifferences } from './differences.ts';
import { readVerdicts } from './machine.ts';
import { mutated } from './mutate.ts';
import { assembled, piecesOf } from './pieces.ts';
import type { Sample } from './records.ts';
import { caseSamples, samples } from './samples.ts';
import { LINKAGE, Types } from './types.ts';
import { fuzzVerdicts, linuxTargets } from './verdicts.ts';

test('a_program_that_is_taken_apart_and_put_together_is_the_same', (t) => {
  for (const { raw, globals, name } of caseSamples()) {
    const pieces = piecesOf(Buffer.from(raw, 'hex'), globals);
    if (pieces) t.is(Buffer.from(assembled(pieces).code).toString('hex'), raw, name);
  }
});

test('jumps_lead_to_the_same_instructions_when_one_before_them_goes', (t) => {
  const pieces = piecesOf(assemble('r0 = 0\nif r1 == 0 goto out\nr0 = 1 ll\nr2 = 2\nout: exit'))!;
  t.deepEqual(
    pieces.map((p) => p.target),
    [undefined, 4, undefined, undefined, undefined],
  );
  const without = pieces
    .toSpliced(2, 1)
    .map((p) => (p.target === undefined ? p : { ...p, target: p.target - 1 }));
  t.deepEqual(assembled(without).code, assemble('r0 = 0\nif r1 == 0 goto out\nr2 = 2\nout: exit'));
});

test('mutants_are_programs_and_repeat_with_their_seed', (t) => {
  const pieces = piecesOf(assemble('r0 = 0\nif r1 == 0 goto out\nr2 = 2\nout: exit'))!;
  const made = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 500 }, () => assembled(mutated(pieces, pieces, random)).code);
  };
  t.deepEqual(made(5), made(5));
  t.true(made(5).every((code) => code.length > 0 && code.length % 8 === 0));
  t.true(new Set(made(5).map((code) => Buffer.from(code).toString('hex'))).size > 300);
});

test('samples_begin_with_the_cases', (t) => {
  const source = samples(1);
  const cases = caseSamples();
  t.true(cases.length > 1000);
  for (const { name } of cases) t.is(source.next().value.name, name);
  const names = Array.from({ length: 100 }, () => source.next().value.name);
  t.true(names.every((name) => name === 'composed' || name.startsWith('from ')));
  t.true(names.includes('composed'));
});

test('programs_composed_of_loops_around_calls_are_taken_by_the_verifier_or_not_and_repeat_with_their_seed', async (t) => {
  const made = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 100 }, () => composed(random));
  };
  t.deepEqual(made(3), made(3));
  const codes = (await verifyAll(made(3).map(requestOf), 'verdicts')).map(({ code }) => code);
  t.true(codes.filter((code) => code === 'ok').length > 20);
  t.true(codes.filter((code) => code !== 'ok').length > 20);
  const endless = ['budget_exceeded', 'too_many_states', 'unbounded_loop'];
  t.deepEqual(
    codes.filter((code) => code !== 'ok' && !endless.includes(code)),
    [],
  );
});

test('types_are_read_as_they_were_written', (t) => {
  const types = new Types();
  const f = types.func('f', LINKAGE.global, [
    { type: types.pointer(types.memory(24)), tags: ['arg:nonnull'] },
  ]);
  const btf = new Btf(types.section());
  t.is(btf.name(btf.types[f]!), 'f');
  t.deepEqual(btf.tagsOfParameter(btf.types[f]!, 0), ['arg:nonnull']);
  const { parameters } = btf.prototypeOf(btf.types[f]!);
  t.is(btf.type(btf.type(parameters[0]!).value).value, 24);
});

test('the_console_of_linux_is_read_by_program', (t) => {
  const { verdicts, complaints } = readVerdicts(
    "boot\r\nverdicts begin\r\nm 2 22\r\nv 0 0\r\nv 1 13 4 R0 invalid mem access 'scalar'\r\nv 2 22 - last insn\r\nverdicts end\r\n",
  );
  t.deepEqual(verdicts.get(0), { errno: 0, message: '' });
  t.deepEqual(verdicts.get(1), { errno: 13, slot: 4, message: "R0 invalid mem access 'scalar'" });
  t.deepEqual(verdicts.get(2), { errno: 22, message: 'last insn' });
  t.deepEqual(complaints, [{ what: 'map', number: 2, errno: 22, message: '' }]);
  const crash = readVerdicts('verdicts begin\nv 0 0\nv 3 22 1 x\n[ 12.1] Kernel panic - not syncing\n');
  t.is(crash.crashed, 4);
  t.is(crash.verdicts.size, 2);
  t.throws(() => readVerdicts('verdicts begin\nv 0 0\n'), { message: /did not get to the end/ });
});

const verdict = (code: string): Verdict => ({ code, message: '', insn: 0 }) as Verdict;
const sample = { name: 's', type: 'xdp', raw: '9500000000000000' } as Sample;

test('differences_are_grouped_and_known_ones_are_told_apart', (t) => {
  const refused = { errno: 13, message: 'R3 !read_ok' };
  t.is(kindOf(verdict('ok'), refused), 'accepted');
  t.is(kindOf(verdict('stale_packet'), { errno: 0, message: '' }), 'refused');
  t.is(kindOf(verdict('ok'), { errno: 0, message: '' }), undefined);
  const differences = new Differences([{ kind: 'accepted', linux: 'odd', reason: 'because' }]);
  const longer = { ...sample, raw: sample.raw.repeat(2) };
  differences.add('accepted', { sample: longer, verifier: verdict('ok'), linux: refused });
  differences.add('accepted', {
    sample,
    verifier: verdict('ok'),
    linux: { errno: 13, message: 'R4 !read_ok' },
  });
  differences.add('accepted', { sample, verifier: verdict('ok'), linux: { errno: 13, message: 'odd' } });
  const groups = differences.groups('accepted');
  t.deepEqual(
    groups.map((g) => [g.says, g.count, g.known?.reason, g.smallest.sample.raw]),
    [
      ['R# !read_ok', 2, undefined, sample.raw],
      ['odd', 1, 'because', sample.raw],
    ],
  );
});

test('each_known_difference_has_a_pattern_and_a_reason', (t) => {
  for (const known of knownDifferences()) {
    t.true(known.linux !== undefined || known.verifier !== undefined);
    t.true(known.reason.length > 0);
    for (const pattern of [known.linux, known.verifier, known.text])
      if (pattern !== undefined) t.notThrows(() => new RegExp(pattern), pattern);
  }
});

const target = linuxTargets[0]!;
const ready = fetchedLinux('newest') !== undefined && toolsFor(target).every(findTool);
/** `velocity fuzz --target linux-verdicts` fetches the kernel. */
(ready ? test : test.skip)('what_the_verifier_accepts_linux_accepts_but_for_known_reasons', async (t) => {
  t.timeout(300_000);
  const { ok, runs, report, details } = await fuzzVerdicts(target, { runs: 2000, seed: 1 });
  t.true(ok, report);
  t.is(runs, 2000);
  t.true(details!.accepted_by_linux! > 400);
  t.true(details!.refused_by_linux! > 400);
});
