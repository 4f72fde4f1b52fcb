/**
 * What a board starts, from start to start, and what it says of its images: the kernel's own code on this machine. Long, as its
 * cases are tables over one board: its disk, its tree, and what one kernel leaves to the next.
 */
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { decode, encode } from 'cborg';
import {
  CONFIRM_WITHIN_S,
  type DoorName,
  imageCommands,
  merkleRoot,
  SECTOR_BYTES,
  SLOT_BYTES,
  SLOT_OFFSETS,
  SLOT_PARTITION_BYTES,
  SLOT_PARTITION_TYPE,
  slotStates,
  statusNamed,
} from '../../../abi/index.ts';
import { encodePolicy } from '../../../firmware/policy.ts';
import { type ImageFacts, signImage } from '../../../firmware/update.ts';
import { updateFile } from '../../../firmware/update-file.ts';
import { buildNative, compileTree, slotsSources } from './build.ts';

let host = '';
test.before(async (t) => {
  t.timeout(60_000);
  host = await buildNative('slots_host', slotsSources, t.log);
});

const owner = (() => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(12) };
})();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** kernel-aarch64/update/loader.h and update.c; IMAGE_AT is that of slots_host.c. */
const DISTANCE = 0x1000000;
const STATIC_BYTES = 0x400000;
const MEMORY_MEDIUM_BYTES = 0x200000;
const IMAGE_AT = 0x42000000;
const FIRST_SECTOR = 8;
const NO_SLOT = 2;

type Image = { file: Buffer; sha: Buffer; root: string; name: string };

const imageOf = (fill: number, more: Partial<ImageFacts> = {}): Image => {
  const image = Buffer.alloc(9000, fill);
  const facts = {
    board_class: 'aarch64',
    memory_bytes: STATIC_BYTES,
    build: 'b'.repeat(40),
    version: `0.0.${fill}`,
    sequence: 5n,
    ...more,
  };
  const file = updateFile(image, signImage(image, facts, owner));
  const sha = createHash('sha256').update(file).digest();
  return { file, sha, root: hex(merkleRoot(image)), name: hex(image.subarray(0, 8)) };
};

const emptyDisk = () => {
  const disk = Buffer.alloc(FIRST_SECTOR * SECTOR_BYTES + SLOT_PARTITION_BYTES);
  disk[446 + 4] = SLOT_PARTITION_TYPE;
  disk.writeUInt32LE(FIRST_SECTOR, 446 + 8);
  disk.writeUInt32LE(SLOT_PARTITION_BYTES / SECTOR_BYTES, 446 + 12);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
};

const treeOf = (nodes: string, reservations = '') =>
  `${reservations} / { #address-cells = <1>; #size-cells = <1>; ${nodes} };`;
const memory = 'memory@40000000 { device_type = "memory"; reg = <0x40000000 0x8000000>; };';

type Request = string;
const request = (op: 'r' | 'w', command: number, payload: unknown): Request =>
  `${op} ${command} ${hex(encode(payload))}`;
const show = request('r', imageCommands.state, {});
const tryOut = ({ sha }: Pick<Image, 'sha'>, more: object = {}) =>
  request('w', imageCommands.state, { hash: sha, ...more });
const confirm = (more: object = {}) => request('w', imageCommands.state, { confirm: true, ...more });
const upload = ({ file, sha }: Image, more: object = {}) =>
  request('w', imageCommands.upload, { off: 0, len: file.length, sha, data: file, ...more });
const erase = request('w', imageCommands.erase, {});
const code = (name: string) => statusNamed(name).code;
const ok = (payload: object) => ({ status: 0, payload });
const refused = (name: string, message = '') => ({ status: code(name), message });
const all = (file: Buffer) => ok({ off: file.length });

type Answer = string | ReturnType<typeof ok> | ReturnType<typeof refused>;
const answerOf = (line: string): Answer => {
  const [, status, rest] = /^(\d+) (.*)$/.exec(line) ?? [];
  if (status === undefined || /^\d+ /.test(rest!)) return line;
  if (status !== '0') return { status: +status, message: rest! };
  return ok(rest === '' ? {} : (decode(Buffer.from(rest!, 'hex')) as object));
};

/** A board between its starts: its disk, and what one kernel leaves to the next. */
class Board {
  readonly folder = mkdtempSync(join(tmpdir(), 'velocity-slots-'));
  private readonly files = ['policy', 'disk', 'tree', 'handoff'].map((name) => join(this.folder, name));

  constructor(tree = treeOf(memory), open: readonly DoorName[] = ['upload', 'image'], disk = emptyDisk()) {
    const keys = [{ key: hex(owner.publicKey), roles: ['image'] as const }];
    const blob = readFileSync(compileTree('slots', tree));
    for (const [i, bytes] of [encodePolicy({ open, keys }), disk, blob, Buffer.alloc(56)].entries())
      writeFileSync(this.files[i]!, bytes);
  }
  get disk() {
    return readFileSync(this.files[1]!);
  }
  set disk(bytes: Buffer) {
    writeFileSync(this.files[1]!, bytes);
  }
  get handoff() {
    return readFileSync(this.files[3]!);
  }
  set handoff(bytes: Buffer) {
    writeFileSync(this.files[3]!, bytes);
  }
  /** As the firmware starts it, unless `entered`: by the kernel before. */
  start(
    requests: readonly Request[],
    { entered = false, treeAt = IMAGE_AT + DISTANCE - 0x4000 } = {},
  ): Answer[] {
    if (!entered) this.handoff = Buffer.alloc(56);
    const args = [...this.files, treeAt.toString(16)];
    const { status, stdout, stderr } = spawnSync(host, args, {
      input: requests.map((line) => `${line}\n`).join(''),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`slots_host ended with ${status}: ${stdout}${stderr}`);
    return stdout === '' ? [] : stdout.slice(0, -1).split('\n').map(answerOf);
  }
  /** Has this image in a slot, confirmed. */
  install(image: Image) {
    this.start([upload(image), tryOut(image)]);
    this.start([]);
    this.start([confirm()], { entered: true });
  }
  close() {
    rmSync(this.folder, { recursive: true });
  }
}

const withBoard = (run: (board: Board) => void, ...given: ConstructorParameters<typeof Board>) => {
  const board = new Board(...given);
  try {
    run(board);
  } finally {
    board.close();
  }
};

const entered = (image: Image, { at = IMAGE_AT + DISTANCE, closed = 1 } = {}) =>
  `entered ${at.toString(16)} with edfe0dd0, closed ${closed}, ${image.name}`;

const [a, b] = [imageOf(1), imageOf(2, { sequence: 6n })];

const slotOf = (image: Image, version: string, more: object) => ({
  image: 0,
  slot: 0,
  version,
  hash: new Uint8Array(image.sha),
  bootable: true,
  pending: false,
  confirmed: false,
  active: false,
  permanent: false,
  state: slotStates.loaded.value,
  ...more,
});
const images = (...list: object[]) => ok({ images: list });

test('an_image_is_uploaded_tried_and_kept', (t) => {
  withBoard((board) => {
    const state = (more: object) => images(slotOf(a, '0.0.1', more));
    const test = { pending: true, state: slotStates.test.value };
    t.deepEqual(board.start([show, upload(a), show, tryOut(a), show, 'measured', 'reset']), [
      images(),
      all(a.file),
      state({}),
      state(test),
      state(test),
      `${NO_SLOT} 0 `,
      'reset',
    ]);
    t.deepEqual(board.start([]), [entered(a)]);
    t.deepEqual(board.start(['measured', show, confirm(), show, 'measured'], { entered: true }), [
      `0 ${CONFIRM_WITHIN_S} ${a.root}`,
      state({ ...test, pending: false, active: true }),
      ...Array(2).fill(
        state({ active: true, permanent: true, confirmed: true, state: slotStates.confirmed.value }),
      ),
      `0 0 ${a.root}`,
    ]);
    t.deepEqual(board.start([]), [entered(a)]);
    t.deepEqual(board.start(['measured'], { entered: true }), [`0 0 ${a.root}`]);
  });
});

test('an_image_has_its_time_to_confirm_itself_in_each_start_and_no_more', (t) => {
  withBoard((board) => {
    board.start([upload(a), tryOut(a)]);
    board.start([]);
    const late = [
      'at 7',
      'measured',
      `at ${7 + CONFIRM_WITHIN_S - 1}`,
      'measured',
      `at ${7 + CONFIRM_WITHIN_S}`,
    ];
    const said = [
      '',
      `0 ${CONFIRM_WITHIN_S} ${a.root}`,
      '',
      `0 1 ${a.root}`,
      `console: the image in slot A did not confirm itself within ${CONFIRM_WITHIN_S} s; resetting`,
      'reset',
    ];
    t.deepEqual(board.start(late, { entered: true }), said);
    t.deepEqual(board.start([]), [entered(a)]);
    t.deepEqual(board.start(late, { entered: true }), said);
    t.deepEqual(board.start(['at 400', 'measured', show]), [
      '',
      `${NO_SLOT} 0 `,
      images(slotOf(a, '0.0.1', { bootable: false, state: slotStates.rejected.value })),
    ]);
  });
});

test('a_board_that_is_reset_while_an_image_waits_in_memory_starts_what_it_would_without', (t) => {
  const c = imageOf(3, { sequence: 7n });
  withBoard((board) => {
    board.install(a);
    board.start([upload(b), tryOut(b)], { entered: true });
    t.deepEqual(board.start([]), [entered(b)]);
    const waits = [upload(c, { image: 1 }), tryOut(c, { image: 1 }), 'at 7', 'measured'];
    t.is(board.start([...waits, `at ${7 + CONFIRM_WITHIN_S}`], { entered: true }).at(-1), 'reset');
    t.deepEqual(board.start(['measured'], { entered: true }), [entered(b)]);
  });
});

test('only_what_runs_is_confirmed_and_only_what_does_not_is_tried', (t) => {
  withBoard((board) => {
    const unseen = 'only an image that runs can be confirmed: test it first';
    const wrong = { sha: Buffer.alloc(32, 7) };
    t.deepEqual(board.start([confirm(), upload(a), tryOut(wrong), confirm({ hash: a.sha })]), [
      refused('bad_state', 'what runs is not under test'),
      all(a.file),
      refused('no_entry'),
      refused('bad_state', unseen),
    ]);
    board.start([tryOut(a)]);
    board.start([]);
    const running = [tryOut(a), confirm({ hash: b.sha }), confirm({ hash: a.sha }), confirm(), tryOut(a)];
    t.like(board.start(running, { entered: true }), [
      refused('bad_state', 'it is started anyway'),
      refused('bad_state', unseen),
      { status: 0 },
      refused('bad_state', 'what runs is not under test'),
      refused('bad_state', 'it is started anyway'),
    ]);
  });
});

test('an_update_goes_to_the_slot_that_neither_runs_nor_is_kept', (t) => {
  withBoard((board) => {
    board.install(a);
    board.start([]);
    const kept = slotOf(a, '0.0.1', {
      active: true,
      permanent: true,
      confirmed: true,
      state: slotStates.confirmed.value,
    });
    t.deepEqual(
      board.start([upload(b), show, erase, show, upload(b), tryOut(b)], { entered: true }).slice(0, 5),
      [all(b.file), images(kept, slotOf(b, '0.0.2', { slot: 1 })), ok({}), images(kept), all(b.file)],
    );
    t.deepEqual(board.start([]), [entered(b)]);
    const way = 'confirm what runs first: the other slot is its way back';
    t.deepEqual(board.start([upload(a), erase, confirm(), upload(a)], { entered: true }).slice(0, 2), [
      refused('bad_state', way),
      refused('bad_state'),
    ]);
    t.deepEqual(board.start([]), [entered(b)]);
    t.deepEqual(board.start([upload(a)], { entered: true }), [
      refused('older_sequence', 'image 5; the one before is 6'),
    ]);
  });
});

test('an_upload_goes_on_where_it_broke_off_and_erasing_ends_it', (t) => {
  const { file, sha } = a;
  const piece = (off: number, more: object = {}) =>
    request('w', imageCommands.upload, { off, data: file.subarray(off, off + 5000), ...more });
  const first = piece(0, { sha, len: file.length });
  withBoard((board) => {
    const answers = board.start([
      first,
      piece(5000),
      first,
      erase,
      piece(10_000),
      first,
      piece(5000),
      piece(10_000),
    ]);
    t.deepEqual(answers, [
      ok({ off: 5000 }),
      ok({ off: 10_000 }),
      ok({ off: 10_000 }),
      ok({}),
      refused('bad_state', 'nothing is being uploaded; begin at offset 0'),
      ok({ off: 5000 }),
      ok({ off: 10_000 }),
      ok({ off: 15_000 }),
    ]);
    t.deepEqual(board.start([piece(0, { image: 2, sha, len: file.length })]), [refused('invalid_argument')]);
  });
});

for (const [what, damage, said] of [
  ['in the image', 5000, 'signature or root do not hold'],
  ['in the magic number', 0, 'signature or root do not hold'],
] as const) {
  test(`a_flipped_bit_${what.replaceAll(' ', '_')}_is_told_and_what_came_with_the_board_runs`, (t) => {
    withBoard((board) => {
      board.install(a);
      const { disk } = board;
      disk[FIRST_SECTOR * SECTOR_BYTES + SLOT_OFFSETS[0] + damage]! ^= 1;
      board.disk = disk;
      t.deepEqual(board.start(['measured']), [`console: slot A does not start: ${said}`, `${NO_SLOT} 0 `]);
    });
  });
}

const place = IMAGE_AT + DISTANCE;
const reserving = (at: number, size: number, name = 'reserved-memory') =>
  `${memory} ${name} { #address-cells = <1>; #size-cells = <1>; ranges; held { reg = <${at} ${size}>; }; };`;
const listed = (at: number, size: number) =>
  treeOf(memory, `/memreserve/ 0x40000000 0x1000; /memreserve/ ${at} ${size};`);
const ending = (at: number) =>
  treeOf(`memory@40000000 { device_type = "memory"; reg = <0x40000000 ${at - 0x40000000}>; };`);
const STARTS = true;
const STAYS = false;

const trees: Readonly<Record<string, readonly [string, boolean, Partial<ImageFacts>?]>> = {
  'all of the place': [treeOf(memory), STARTS, { memory_bytes: DISTANCE }],
  'more than the place': [treeOf(memory), STAYS, { memory_bytes: DISTANCE + 1 }],
  'less than any image has': [treeOf(memory), STAYS, { memory_bytes: STATIC_BYTES - 1 }],
  'memory up to its end': [ending(place + DISTANCE), STARTS],
  'memory up to a byte before its end': [ending(place + DISTANCE - 1), STAYS],
  'memory of another kind': [treeOf(memory.replace('"memory"', '"memory2"')), STAYS],
  'disabled memory': [treeOf(memory.replace('device_type', 'status = "disabled"; device_type')), STAYS],
  'memory in its second range': [
    treeOf('memory@0 { device_type = "memory"; reg = <0 0x1000>, <0x40000000 0x8000000>; };'),
    STARTS,
  ],
  'the page before it reserved': [treeOf(reserving(place - 0x1000, 0x1000)), STARTS],
  'its first byte reserved': [treeOf(reserving(place - 0x1000, 0x1001)), STAYS],
  'all that lies around it reserved': [treeOf(reserving(place - 0x1000, 2 * DISTANCE)), STAYS],
  'the page behind it reserved': [
    treeOf(reserving(place + DISTANCE, 0x1000)),
    STARTS,
    { memory_bytes: DISTANCE },
  ],
  'its last page reserved': [
    treeOf(reserving(place + DISTANCE - 0x1000, 0x1000)),
    STAYS,
    { memory_bytes: DISTANCE },
  ],
  'what it does not need reserved': [
    treeOf(reserving(place + STATIC_BYTES, 0x1000)),
    STARTS,
    { memory_bytes: STATIC_BYTES },
  ],
  'a byte of what it needs reserved': [
    treeOf(reserving(place + STATIC_BYTES - 1, 0x1000)),
    STAYS,
    { memory_bytes: STATIC_BYTES },
  ],
  'a page in the middle of it listed': [listed(place + 0x100000, 0x1000), STAYS],
  'the page before it listed': [listed(place - 0x1000, 0x1000), STARTS],
  'a node whose name only begins like that of reservations': [
    treeOf(reserving(place, 0x1000, 'reserved-memory-map')),
    STARTS,
  ],
  'a node whose name is only the beginning of it': [treeOf(reserving(place, 0x1000, 'reserved')), STARTS],
  'as many ranges as are kept': [
    treeOf(memory, '/memreserve/ 0x40000000 0x1000;'.repeat(22)), // the memory and the tree are two more
    STARTS,
  ],
  'more ranges than are kept': [treeOf(memory, '/memreserve/ 0x40000000 0x1000;'.repeat(23)), STAYS],
};

for (const [what, [tree, starts, facts]] of Object.entries(trees)) {
  test(`a_slot_is_${starts ? '' : 'not_'}started_with_${what.replaceAll(' ', '_')}`, (t) => {
    const image = imageOf(3, facts);
    withBoard((board) => {
      board.start([upload(image), tryOut(image)]);
      const answers = board.start(['measured']);
      if (starts) t.deepEqual(answers, [entered(image)]);
      else t.is(answers.at(-1), `${NO_SLOT} 0 `);
      const told = `console: slot A does not start: it needs ${facts?.memory_bytes ?? 0} bytes`;
      if (!starts && answers.length > 1) t.is(answers[0], told);
    }, tree);
  });
}

test('a_slot_is_not_started_over_the_tree', (t) => {
  withBoard((board) => {
    board.start([upload(a), tryOut(a)]);
    t.deepEqual(board.start(['measured'], { treeAt: place + 0x1000 }), [`${NO_SLOT} 0 `]);
    t.deepEqual(board.start([], { treeAt: place + DISTANCE - 0x4000 }), [entered(a)]);
  });
});

test('what_a_kernel_hands_on_is_taken_once_and_whole_or_not_at_all', (t) => {
  withBoard((board) => {
    board.install(a);
    t.deepEqual(board.start([]), [entered(a)]);
    const good = board.handoff;
    const taken = (handoff: Buffer) => {
      board.handoff = handoff;
      return board.start(['measured'], { entered: true });
    };
    t.deepEqual(taken(good), [`0 0 ${a.root}`]);
    for (let at = 0; at < 56; at++) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1;
      t.deepEqual(taken(bad), [entered(a)], `byte ${at}`);
    }
  });
});

test('without_a_medium_there_are_no_slots_and_an_image_starts_from_memory', (t) => {
  withBoard(
    (board) => {
      const none = refused('no_storage');
      t.deepEqual(board.start([upload(a, { off: 1 })]), [none]);
      const asked = [show, upload(a), erase, tryOut(a), confirm(), upload(a, { image: 1 }), show, tryOut(a)];
      const state = (more: object) => images(slotOf(a, '0.0.1', { image: 1, ...more }));
      const test = state({ pending: true, state: slotStates.test.value });
      t.deepEqual(board.start([...asked, 'measured', 'reset']), [
        images(),
        ...Array(4).fill(none),
        all(a.file),
        state({}),
        test,
        `${NO_SLOT} 0 `,
        entered(a, { closed: 0 }),
      ]);
      const older = imageOf(4, { sequence: 4n });
      const successor = [
        'measured',
        'at 400',
        upload(older, { image: 1 }),
        upload(b, { image: 1 }),
        tryOut(b),
        'reset',
      ];
      t.deepEqual(board.start(successor, { entered: true }), [
        `${NO_SLOT} 0 ${a.root}`,
        '',
        refused('older_sequence', 'image 4; the one before is 5'),
        all(b.file),
        images(slotOf(b, '0.0.2', { image: 1, pending: true, state: slotStates.test.value })),
        entered(b, { at: IMAGE_AT - DISTANCE, closed: 0 }), // where its predecessor lay
      ]);
    },
    treeOf(memory),
    ['upload', 'image'],
    Buffer.alloc(0),
  );
});

test('what_is_to_start_from_memory_does_so_only_once_it_was_asked_for_and_not_after_another_upload', (t) => {
  withBoard((board) => {
    const held = upload(a, { image: 1 });
    t.is(board.start([held, 'reset']).at(-1), 'reset');
    t.is(
      board.start([held, tryOut(a), upload(b, { image: 1, data: b.file.subarray(0, 100) }), 'reset']).at(-1),
      'reset',
    );
    t.like(board.start([held, tryOut({ sha: b.sha }, { image: 1 }), tryOut(a, { image: 1 }), 'reset']), [
      all(a.file),
      refused('no_entry'),
      { status: 0 },
      entered(a, { closed: 0 }),
    ]);
    t.deepEqual(board.start([upload(a), tryOut(a, { image: 1 })]), [all(a.file), refused('no_entry')]);
  });
});

test('an_image_in_memory_has_to_fit_beside_what_it_is_read_from', (t) => {
  const limit = DISTANCE - MEMORY_MEDIUM_BYTES;
  withBoard((board) => {
    for (const [bytes, fits] of [
      [limit, true],
      [limit + 1, false],
    ] as const) {
      const image = imageOf(5, { memory_bytes: bytes });
      const answers = board.start([upload(image, { image: 1 }), tryOut(image)]);
      if (fits) t.like(answers[1], { status: 0 });
      else t.deepEqual(answers[1], refused('bad_image', `it needs ${bytes} bytes`));
    }
  });
  const beside = { both: reserving(IMAGE_AT - 0x1000, DISTANCE + 0x2000), next: reserving(place, 0x1000) };
  withBoard((board) => {
    t.deepEqual(board.start(Array(2).fill(upload(a, { image: 1 }))), Array(2).fill(refused('no_memory')));
  }, treeOf(beside.both));
  withBoard((board) => {
    const below = entered(a, { at: IMAGE_AT - DISTANCE, closed: 0 });
    t.is(board.start([upload(a, { image: 1 }), tryOut(a), 'reset']).at(-1), below);
  }, treeOf(beside.next));
});

const below = IMAGE_AT - DISTANCE;
const toUefi = {
  'behind the first': [treeOf(''), false, 2, place],
  'of the first': [treeOf(''), true, 1, below],
  'behind the third, not below it': [treeOf(memory), true, 2, place],
} as const;
for (const [what, [tree, entersIt, places, at]] of Object.entries(toUefi)) {
  test(`an_image_under_uefi_starts_the_next_in_the_place_${what.replaceAll(/,? /g, '_')}`, (t) => {
    withBoard((board) => {
      if (entersIt) {
        board.start([upload(a, { image: 1 }), tryOut(a), 'reset'], { treeAt: IMAGE_AT + 2 * DISTANCE });
      }
      const where = { entered: entersIt, treeAt: IMAGE_AT + places * DISTANCE };
      t.is(
        board.start([upload(b, { image: 1 }), tryOut(b), 'reset'], where).at(-1),
        entered(b, { at, closed: 0 }),
      );
    }, tree);
  });
}

test('a_tree_right_behind_the_image_says_nothing_of_memory_below_it', (t) => {
  withBoard((board) => {
    const answers = board.start([upload(a, { image: 1 })], { treeAt: place });
    t.deepEqual(answers, [refused('no_memory')]);
  }, treeOf(''));
});

test('a_medium_keeps_what_became_of_keys_beside_what_its_slots_hold', (t) => {
  withBoard((board) => {
    t.deepEqual(board.start(['keys', 'revoke', upload(a)]).slice(0, 2), ['good', 'revoked']);
    const [key, sent] = board.start(['keys', upload(a)]);
    t.is(key, 'revoked');
    t.like(sent, { status: code('revoked_key') });
  });
  withBoard((board) => {
    board.install(a);
    board.start([]);
    const [before, , after] = board.start([show, 'revoke', show], { entered: true });
    t.deepEqual(after, before);
    const kept = { permanent: true, confirmed: true, state: slotStates.confirmed.value };
    t.deepEqual(board.start(['keys', show]).slice(-2), ['revoked', images(slotOf(a, '0.0.1', kept))]);
  });
});

test('without_a_signature_only_open_doors_let_images_in', (t) => {
  const asked = [show, upload(a), erase, tryOut(a), confirm()];
  const statuses = (open: readonly DoorName[]) => {
    let found: unknown[] = [];
    withBoard(
      (board) => {
        found = board.start(asked).map((answer) => (answer as { status: number }).status);
      },
      treeOf(memory),
      open,
    );
    return found;
  };
  const shut = code('not_signed');
  t.deepEqual(statuses([]), [0, shut, shut, shut, shut]);
  t.deepEqual(statuses(['upload']), [0, 0, 0, shut, shut]);
  t.deepEqual(statuses(['image']), [0, shut, shut, code('no_entry'), code('bad_state')]);
});

test('requests_that_group_1_does_not_know_are_refused', (t) => {
  withBoard((board) => {
    const { upload: sends, erase: erases, state } = imageCommands;
    const bad = [
      request('r', sends, {}),
      request('r', erases, {}),
      request('r', 2, {}),
      request('w', state, { hash: 5 }),
      request('w', state, { confirm: 1 }),
      request('w', state, { image: 'memory' }),
      request('w', state, new Map([[1, 2]])),
      request('w', sends, { off: 0, data: 5 }),
      request('w', sends, { data: Buffer.alloc(1) }),
      request('w', sends, { off: 0, len: SLOT_BYTES, sha: 5, data: Buffer.alloc(1) }),
      request('w', sends, { off: 0, len: 'all', sha: a.sha, data: Buffer.alloc(1) }),
      request('w', sends, { off: 0, len: SLOT_BYTES, sha: a.sha, image: 'memory', data: Buffer.alloc(1) }),
    ];
    const statuses = board.start(bad).map((answer) => (answer as { status: number }).status);
    t.deepEqual(statuses, [
      ...Array(3).fill(code('not_supported')),
      ...Array(9).fill(code('invalid_argument')),
    ]);
  });
});
