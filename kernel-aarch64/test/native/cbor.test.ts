/** What each reader of CBOR takes, up to its edge, and that one that refuses stays where it was. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { buildNative, librarySources } from './build.ts';

let oracle = '';

test.before(async (t) => {
  t.timeout(60_000);
  oracle = await buildNative('oracle', ['test/native/oracle.c', ...librarySources], t.log);
});

/** In the order of oracle.c. */
const getters = [
  'uint',
  'u32',
  'bool',
  'bytes',
  'text',
  'array',
  'map',
  'tag',
  'skip',
  'deterministic',
] as const;

const read = (getter: (typeof getters)[number], items: readonly string[]) => {
  const questions = items.map(
    (item) => `cbor 0${getters.indexOf(getter)} ${item.replaceAll(' ', '') || '-'}`,
  );
  const { status, stdout, stderr } = spawnSync(oracle, {
    input: `${questions.join('\n')}\n`,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the oracle ended with ${status}: ${stderr}`);
  return stdout.trimEnd().split('\n');
};

/** Item, what it is (a number, a count, a size), bytes of it that are taken. */
type Taken = readonly (readonly [item: string, value: bigint | number, bytes: number])[];

const cases: Readonly<Record<(typeof getters)[number], readonly [taken: Taken, refused: readonly string[]]>> =
  {
    uint: [
      [
        ['00', 0, 1],
        ['17', 23, 1],
        ['18 18 ff', 24, 2],
        ['19 01 00', 256, 3],
        ['1a ff ff ff ff', 0xffffffff, 5],
        ['1b 00 00 00 01 00 00 00 00', 0x100000000, 9],
        ['1b ff ff ff ff ff ff ff ff', 0xffff_ffff_ffff_ffffn, 9],
      ],
      ['', '18', '19 01', '1a 01 02 03', '1b 01 02 03 04 05 06 07', '1c 00', '1f', '20', '40', 'f4'],
    ],
    u32: [
      [
        ['17', 23, 1],
        ['1a ff ff ff ff', 0xffffffff, 5],
      ],
      ['1b 00 00 00 01 00 00 00 00', '20', 'c0'],
    ],
    bool: [
      [
        ['f4', 0, 1],
        ['f5', 1, 1],
      ],
      ['f3', 'f6', '14', '15', 'd4', ''],
    ],
    bytes: [
      [
        ['40', 0, 1],
        ['43 01 02 03', 3, 4],
        ['58 01 ff 00', 1, 3],
      ],
      ['43 01 02', '61 61', '5f ff', '5b ff ff ff ff ff ff ff ff 00', '01'],
    ],
    text: [
      [
        ['60', 0, 1],
        ['62 61 62', 2, 3],
      ],
      ['62 61', '41 61', '7b 00 00 00 01 00 00 00 01 61'],
    ],
    array: [
      [
        ['80', 0, 1],
        ['82 01 02', 2, 1],
      ],
      ['82 01', 'a1 01 02', '9f ff', '9b ff ff ff ff ff ff ff ff 00'],
    ],
    map: [
      [
        ['a0', 0, 1],
        ['a1 01 02', 1, 1],
        ['a2 01 02 03 04', 2, 1],
      ],
      ['a1 01', 'a2 01 02 03', '82 01 02', 'bb 80 00 00 00 00 00 00 01 01 02'],
    ],
    tag: [[['d2 00', 18, 1]], ['00', 'f4', 'd8']],
    skip: [
      [
        ['00 00', 0, 1],
        ['38 ff', 0, 2],
        ['43 01 02 03 00', 0, 4],
        ['83 01 82 02 03 a1 61 61 f6 00', 0, 9],
        ['80', 0, 1],
        ['a0', 0, 1],
        ['c1 82 01 02 00', 0, 4],
        ['82 c1 01 02 00', 0, 4],
        ['f9 3c 00', 0, 3],
        [`${'81'.repeat(8)} 00`, 0, 9],
      ],
      [
        '',
        '82 01',
        'c1',
        '62 61',
        'a1 01',
        'ff',
        '1c',
        '9f 00 ff',
        '9b ff ff ff ff ff ff ff ff 00 00',
        'bb ff ff ff ff ff ff ff ff 00 00',
        `${'81'.repeat(9)} 00`,
      ],
    ],
    deterministic: [
      [
        ['17', 0, 1],
        ['18 18', 0, 2],
        ['19 01 00', 0, 3],
        ['1a 00 01 00 00', 0, 5],
        ['1b 00 00 00 01 00 00 00 00', 0, 9],
        ['82 f4 82 f5 f6', 0, 5],
        ['a2 00 00 01 00', 0, 5],
        ['a3 00 00 20 00 41 61 00', 0, 8],
        ['a2 61 61 00 62 61 61 00', 0, 8],
        ['a2 61 61 00 61 62 00', 0, 7],
        ['a2 62 62 61 00 62 62 62 00', 0, 9],
        ['82 a1 01 00 a1 00 a1 00 00', 0, 9],
        ['d2 81 40', 0, 3],
        [`${'81'.repeat(8)} 00`, 0, 9],
      ],
      [],
    ],
  };

for (const getter of getters) {
  const [taken, refused] = cases[getter];
  test(`${getter}_takes_what_it_is_for_and_refuses_the_rest_where_it_stands`, (t) => {
    const items = [...taken.map(([item]) => item), ...refused];
    t.deepEqual(read(getter, items), [
      ...taken.map(([, value, bytes]) => `${value} up to ${bytes}`),
      ...refused.map(() => 'refused at 0'),
    ]);
  });
}

/** What has another encoding, with the place of the item that shows it. */
const ambiguous: Readonly<Record<string, number>> = {
  '18 17': 0,
  '19 00 ff': 0,
  '1a 00 00 ff ff': 0,
  '1b 00 00 00 00 ff ff ff ff': 0,
  '58 00': 0,
  '82 00 18 00': 2,
  '9f ff': 0,
  f3: 0,
  f7: 0,
  'f8 20': 0,
  'f9 3c 00': 0,
  'a2 01 00 00 00': 3,
  'a2 00 00 00 00': 3,
  'a2 41 61 00 41 61 00': 4,
  'a2 62 61 61 00 61 61 00': 5,
  'a2 61 62 00 61 61 00': 4,
  'a2 62 62 62 00 62 62 61 00': 5,
  'a1 80 00': 1,
  'a1 f4 00': 1,
  'a1 c1 00 00': 1,
  '00 00': 1,
  '82 00': 0,
  'a1 00': 0,
  '82 00 42 00': 2,
  d2: 0,
  [`${'81'.repeat(9)} 00`]: 8,
};

test('what_may_be_written_otherwise_is_not_deterministic', (t) => {
  t.deepEqual(
    read('deterministic', Object.keys(ambiguous)),
    Object.values(ambiguous).map((at) => `refused at ${at}`),
  );
});
