import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BenchFileError, parseBench, readBench } from './file.ts';

const refused = (text: string): string => {
  try {
    parseBench(text, 'bench.yaml');
  } catch (error) {
    if (error instanceof BenchFileError) return error.message;
    throw error;
  }
  return 'accepted';
};

const lab = `
boards:
  desk:
    board: rpi4b
    serial: /dev/ttyUSB0
    baud: 921600
    power: { by: uhubctl, hub: 1-1, port: 2 }
    flash: { by: disk, to: /dev/sdz, firmware_dir: ./firmware }
  shelf:
    board: jetson-nano
    serial: tcp:lab:4001
    power: { by: command, on: relay 3 on, off: relay 3 off, off_seconds: 5 }
    flash: { by: u-boot }
  virt:
    board: qemu-virt
    emulated: { machine: 'virt,gic-version=3', line: { drop_per_million: 1000 } }
`;

test('a_bench_names_boards_their_ways_and_their_twins', (t) => {
  const boards = parseBench(lab, '/lab/bench.yaml');
  t.deepEqual(
    boards.map(({ name, kind, twinOf }) => [name, kind, twinOf]),
    [
      ['desk', 'real', undefined],
      ['desk/twin', 'emulated', 'desk'],
      ['shelf', 'real', undefined],
      ['virt', 'emulated', undefined],
    ],
  );
  const [desk, , shelf, virt] = boards;
  t.deepEqual(desk!.flash, { by: 'disk', to: '/dev/sdz', firmware_dir: '/lab/firmware' });
  t.is(desk!.baud, 921_600);
  t.is(shelf!.baud, 115_200);
  t.deepEqual(virt!.emulated.line, { drop_per_million: 1000 });
});

const problems: Readonly<Record<string, [text: string, message: RegExp]>> = {
  'text that is no YAML': ['boards: [', /^bench\.yaml:1:\d+: /],
  'an empty file': ['', /the file must be a map with boards/],
  'no board': ['boards: {}', /bench\.yaml:1:9: boards must be a map with one entry a board/],
  'a misspelt field': [
    'boards:\n  a:\n    board: rpi4b\n    serail: /dev/ttyUSB0',
    /bench\.yaml:4:13: boards\.a\.serail is not known here \(did you mean serial\?\)/,
  ],
  'an unknown board': [
    'boards:\n  a: { board: rpi4, serial: /dev/x }',
    /boards\.a\.board must be .* not "rpi4" \(did you mean rpi4b\?\)/,
  ],
  'a missing field': [
    'boards:\n  a:\n    board: rpi4b\n    serial: /dev/x\n    power: { by: uhubctl, hub: 1-1 }',
    /bench\.yaml:5:12: boards\.a\.power lacks port: port of that hub/,
  ],
  'a number out of range': [
    'boards:\n  a: { board: rpi4b, serial: /dev/x, baud: 7 }',
    /baud must be a number from 300/,
  ],
  'neither real nor emulated': [
    'boards:\n  a: { board: rpi4b }',
    /needs serial: PORT for a real board, or emulated: true/,
  ],
  'both real and emulated': [
    'boards:\n  a: { board: rpi4b, serial: /dev/x, emulated: true }',
    /has both serial and emulated/,
  ],
  'an emulated board without an emulator': [
    'boards:\n  a: { board: rpi5, emulated: true }',
    /rpi5 cannot be emulated/,
  ],
  'power for an emulated board': [
    'boards:\n  a: { board: rpi4b, emulated: true, power: { by: none } }',
    /boards\.a\.power is for real boards only/,
  ],
  'one port twice': [
    'boards:\n  a: { board: rpi4b, serial: /dev/x }\n  b: { board: rpi4b, serial: /dev/x }',
    /boards\.b\.serial is the port of a already/,
  ],
  'a name that is no name': ['boards:\n  "a/b": { board: rpi4b, serial: /dev/x }', /must be letters, digits/],
  'two names alike': [
    'boards:\n  a: { board: rpi4b, serial: /dev/x }\n  a: { board: rpi4b, serial: /dev/y }',
    /bench\.yaml:3:3: Map keys must be unique/,
  ],
};

for (const [what, [text, message]] of Object.entries(problems)) {
  test(`${what.replaceAll(' ', '_')}_is_refused_with_its_place`, (t) => {
    t.regex(refused(text), message);
  });
}

test('every_problem_is_named_at_once', (t) => {
  const message = refused(
    'boards:\n  a: { board: rpi4, serial: 7 }\n  b: { board: rpi4b, serial: /dev/x, baud: fast }',
  );
  t.regex(message, /3 problems/);
  for (const name of ['a.board', 'a.serial', 'b.baud']) t.true(message.includes(`boards.${name}`), message);
});

test('aliases_that_lead_nowhere_into_themselves_or_too_far_are_problems_of_the_file', (t) => {
  const many = (of: string) => `[${Array.from({ length: 20 }, () => of).join(', ')}]`;
  t.regex(
    refused('boards:\n  a: { board: rpi4b, serial: *port }\n'),
    /^bench\.yaml: Unresolved alias .*port$/,
  );
  t.regex(refused('boards: &all\n  a: *all\n'), /^bench\.yaml: Converting circular/);
  t.regex(
    refused(`a: &a ${many('x')}\nb: &b ${many('*a')}\nboards: ${many('*b')}\n`),
    /^bench\.yaml: Excessive/,
  );
});

test('a_file_that_is_not_there_is_said_to_be', (t) => {
  const error = t.throws(() => readBench('/nowhere/bench.yaml'), { instanceOf: BenchFileError });
  t.is(error.message, '/nowhere/bench.yaml: there is no such file');
});

test('paths_start_from_the_folder_of_the_file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-bench-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'b.yaml'), 'boards:\n  a: { board: qemu-virt, emulated: { image: ./Image } }');
  t.is(readBench(join(folder, 'b.yaml'))[0]!.emulated.image, join(folder, 'Image'));
});
