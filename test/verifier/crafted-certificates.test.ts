/**
 * Certificates that somebody wrote to deceive: whatever events they hold, how many at once, and by whatever a loop is said to
 * be ranked, the checker admits no program by them that another certificate would not admit.
 */
import test from 'ava';
import { bpf, statusOf } from '../../abi/index.ts';
import { assemble, certificateOf, loadHost, runOnHost } from '../../ebpf/index.ts';
import { wasmModule } from '../../ebpf/wasm/build.ts';
import { BOARD_CHECKER_BYTES, BOARD_CHECKER_STEPS_PER_INSN } from '../../ebpf/wasm/certify.ts';
import { HostInstance } from '../../ebpf/wasm/instance.ts';
import { hand } from '../../ebpf/wasm/program.ts';

const MEMORY = 64;
const LONGEST = 32 * 1024;
/** Facts of no slot, as they are before: some bits are set, some are not. */
const UNUSED = 0xfe;

/** As kernel-aarch64/bpf/checker/format.h has them. */
const events = { track: 0, jump: 1, fall: 2, loop: 3, order: 4, link: 5 } as const;
const VERSION = 3;

type Judgement = {
  readonly status: string;
  readonly message: string;
  readonly bound: number;
  readonly steps: number;
};

const module = loadHost().then(() => wasmModule()); // built by the first, once

/** The checker with this program, with the memory and the budget of a board. */
const judgeOf = async (text: string) => {
  const host = new HostInstance(await module);
  const { exports } = host;
  const code = assemble(text);
  hand(host, { code, hook: 'run' }, MEMORY);
  const [bytes, workspace] = [host.allocate(LONGEST), host.lend(BOARD_CHECKER_BYTES)];
  const slots = code.length / bpf.INSN_BYTES;
  const budget = BigInt(BOARD_CHECKER_STEPS_PER_INSN * slots);
  const unused = host.bytes(exports.host_facts() + slots, BOARD_CHECKER_STEPS_PER_INSN * slots);
  return (certificate: readonly number[]): Judgement => {
    host.bytes(bytes, LONGEST).set(certificate);
    unused.fill(UNUSED);
    const status = statusOf(
      exports.host_check(bytes, certificate.length, workspace, BOARD_CHECKER_BYTES, budget),
    ).name;
    const [bound, steps] = [exports.host_bound(), exports.host_verifier_steps()].map(Number);
    if (exports.host_insn() * bpf.INSN_BYTES >= code.length)
      throw new Error(`it is said of slot ${exports.host_insn()}, which is none of the program's`);
    if (BigInt(steps!) > budget) throw new Error(`${steps} steps, more than the board allows`);
    if (unused.some((byte) => byte !== UNUSED))
      throw new Error('facts of slots behind the program are written');
    return { status, message: host.text(exports.host_message()), bound: bound!, steps: steps! };
  };
};

/** With one byte changed, one byte more, one byte less, or an event of every kind more that comes at once, twice as well. */
const variants = (certificate: Uint8Array): number[][] => {
  const all = [...certificate];
  const found: number[][] = [];
  for (let at = 1; at <= all.length; at += 1) {
    const [before, after] = [all.slice(0, at), all.slice(at)];
    for (let byte = 0; byte < 256; byte += 1) {
      found.push([...before, byte, ...after], [...before, byte, ...after.slice(1)]);
    }
    for (let first = 0; first < 8; first += 1)
      for (let second = 0; second < 8; second += 1) found.push([...before, first, second, ...after]);
    found.push([...before, ...after.slice(1)], before);
  }
  return found;
};

/** Each with the program that it would like to pass for. */
const honest = {
  loop: 'r0 = 0\nr3 = 0\nr3 += 1\nif r3 < 10 goto -2\nexit',
  bytes: 'r0 = 0\nr2 = 0\nr3 = r1\nr3 += r2\nr0 = *(u8 *)(r3 + 0)\nr2 += 2\nif r2 != 64 goto -5\nexit',
  ways: 'r0 = 0\nr3 = 0\nr4 = *(u8 *)(r1 + 0)\nif r4 > 5 goto +1\nr0 += 2\nr3 += 1\nif r3 < 10 goto -4\nexit',
  copies: 'r0 = 0\nr3 = 1\nr4 = r3\nr3 += 1\nif r4 < 9 goto -3\nexit',
  middle:
    'r0 = 0\nr3 = 0\nr4 = *(u8 *)(r1 + 0)\nr5 = *(u8 *)(r1 + 1)\nif r4 > 5 goto +3\nr3 += 1\nr0 += 2\nif r3 < r5 goto -4\nexit',
  copied:
    'r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr3 = r2\nr0 += 1\nif r3 > 63 goto +2\nr1 += r2\nr2 = *(u8 *)(r1 + 0)\nexit',
  kept: 'r0 = 0\nr2 = *(u8 *)(r1 + 0)\n*(u64 *)(r10 - 8) = r2\nr0 += 1\nif r2 > 63 goto +3\nr3 = *(u64 *)(r10 - 8)\nr1 += r3\nr2 = *(u8 *)(r1 + 0)\nexit',
  counted:
    'r0 = 0\n*(u64 *)(r10 - 8) = r0\nr3 = *(u64 *)(r10 - 8)\nr3 += 1\n*(u64 *)(r10 - 8) = r3\nif r3 < 10 goto -4\nexit',
  slots:
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nw3 >>= 2\nr4 = *(u8 *)(r1 + 1)\n*(u64 *)(r10 - 8) = r4\nif r4 > 5 goto +1\n*(u64 *)(r10 - 16) = r4\nr1 += r3\nr0 = *(u8 *)(r1 + 0)\nr2 = *(u64 *)(r10 - 8)\nexit',
  written:
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr2 = r1\nr2 += 8\nif r3 > 5 goto +4\nr2 = *(u8 *)(r1 + 1)\nr2 &= 63\nr1 += r2\ngoto +1\nr1 = r2\nr0 = *(u8 *)(r1 + 0)\nexit',
  moved: 'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr2 = r1\nif r3 > 5 goto +1\nr2 += 56\nr0 = *(u64 *)(r2 + 0)\nexit',
  never:
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nw3 >>= 2\nr3 &= 61\nif r3 > 61 goto +1\nexit\nr0 = *(u8 *)(r1 + 64)\nexit',
} as const;
const dishonest: Readonly<Record<string, readonly [keyof typeof honest, text: string]>> = {
  'whose counter stands still': ['loop', 'r0 = 0\nr3 = 0\nr3 += 0\nif r3 < 10 goto -2\nexit'],
  'whose counter begins anew': ['loop', 'r0 = 0\nr3 = 0\nr3 &= 7\nif r3 < 10 goto -2\nexit'],
  'whose counter goes the other way': ['loop', 'r0 = 0\nr3 = 0\nr3 += -1\nif r3 != 10 goto -2\nexit'],
  'that reads behind its memory': [
    'bytes',
    'r0 = 0\nr2 = 0\nr3 = r1\nr3 += r2\nr0 = *(u8 *)(r3 + 1)\nr2 += 2\nif r2 != 66 goto -5\nexit',
  ],
  'that steps over its end': [
    'bytes',
    'r0 = 0\nr2 = 0\nr3 = r1\nr3 += r2\nr0 = *(u8 *)(r3 + 0)\nr2 += 6\nif r2 != 64 goto -5\nexit',
  ],
  'that moves on one way only': [
    'ways',
    'r0 = 0\nr3 = 0\nr4 = *(u8 *)(r1 + 0)\nif r4 > 5 goto +1\nr3 += 1\nr0 += 1\nif r3 < 10 goto -4\nexit',
  ],
  'whose counter is not what is compared': [
    'copies',
    'r0 = 0\nr3 = 1\nr4 = r0\nr3 += 1\nif r4 < 9 goto -3\nexit',
  ],
  'whose counter is no copy any more where its copy is compared': [
    'copies',
    'r0 = 0\nr3 = 1\nr4 = r3\nr4 = r0\nr3 += 1\nif r4 < 9 goto -4\nexit',
  ],
  'whose end moves on with its counter': [
    'middle',
    'r0 = 0\nr3 = 0\nr4 = *(u8 *)(r1 + 0)\nr5 = *(u8 *)(r1 + 1)\nif r4 > 5 goto +3\nr3 += 1\nr5 += 1\nif r3 < r5 goto -4\nexit',
  ],
  'that reads at a number that has grown since it was copied and compared': [
    'copied',
    'r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr3 = r2\nr2 += 1\nif r3 > 63 goto +2\nr1 += r2\nr2 = *(u8 *)(r1 + 0)\nexit',
  ],
  'that reads at a number that is one more than what was compared': [
    'copied',
    'r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr3 = r2\nr3 += -1\nif r3 > 63 goto +2\nr1 += r2\nr2 = *(u8 *)(r1 + 0)\nexit',
  ],
  'that reads at another number than what was compared': [
    'copied',
    'r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr3 = r0\nr0 += 1\nif r3 > 63 goto +2\nr1 += r2\nr2 = *(u8 *)(r1 + 0)\nexit',
  ],
  'that reads at a number that is one more than what was compared after it was kept': [
    'kept',
    'r0 = 0\nr2 = *(u8 *)(r1 + 0)\n*(u64 *)(r10 - 8) = r2\nr2 += -1\nif r2 > 63 goto +3\nr3 = *(u64 *)(r10 - 8)\nr1 += r3\nr2 = *(u8 *)(r1 + 0)\nexit',
  ],
  'that reads at a number that was kept, and compares another': [
    'kept',
    'r0 = 0\nr2 = *(u8 *)(r1 + 0)\n*(u64 *)(r10 - 8) = r2\nr2 = 5\nif r2 > 63 goto +3\nr3 = *(u64 *)(r10 - 8)\nr1 += r3\nr2 = *(u8 *)(r1 + 0)\nexit',
  ],
  'that keeps what its counter was': [
    'counted',
    'r0 = 0\n*(u64 *)(r10 - 8) = r0\nr3 = *(u64 *)(r10 - 8)\nr3 += 1\n*(u64 *)(r10 - 8) = r0\nif r3 < 10 goto -4\nexit',
  ],
  'that keeps half of its counter': [
    'counted',
    'r0 = 0\n*(u64 *)(r10 - 8) = r0\nr3 = *(u64 *)(r10 - 8)\nr3 += 1\n*(u32 *)(r10 - 4) = r3\nif r3 < 10 goto -4\nexit',
  ],
  'that reads from a slot that was written on one way only': [
    'slots',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nw3 >>= 2\nr4 = *(u8 *)(r1 + 1)\n*(u64 *)(r10 - 8) = r4\nif r4 > 5 goto +1\n*(u64 *)(r10 - 16) = r4\nr1 += r3\nr0 = *(u8 *)(r1 + 0)\nr2 = *(u64 *)(r10 - 16)\nexit',
  ],
  'that reads at a number that is shifted too little': [
    'slots',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nw3 >>= 1\nr4 = *(u8 *)(r1 + 1)\n*(u64 *)(r10 - 8) = r4\nif r4 > 5 goto +1\n*(u64 *)(r10 - 16) = r4\nr1 += r3\nr0 = *(u8 *)(r1 + 0)\nr2 = *(u64 *)(r10 - 8)\nexit',
  ],
  'that takes a pointer from a slot over which a number was stored on one way': [
    'slots',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nw3 >>= 2\nr4 = *(u8 *)(r1 + 1)\n*(u64 *)(r10 - 8) = r1\nif r4 > 5 goto +1\n*(u64 *)(r10 - 8) = r4\nr1 = *(u64 *)(r10 - 8)\nr0 = *(u8 *)(r1 + 0)\nr2 = r3\nexit',
  ],
  'that reads through a pointer that was written over on one way': [
    'written',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr2 = r1\nr2 += 8\nif r3 > 5 goto +4\nr2 = *(u8 *)(r1 + 1)\nr2 &= 63\nr1 += r2\ngoto +1\nr1 = r2\nr0 = *(u8 *)(r2 + 0)\nexit',
  ],
  'that reads through a number where a pointer was on the way that waits': [
    'written',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr2 = *(u8 *)(r1 + 1)\nr2 &= 63\nif r3 > 5 goto +4\nr2 = r1\nr2 += 8\nr1 = r2\ngoto +1\nr1 = r2\nr0 = *(u8 *)(r1 + 0)\nexit',
  ],
  'that reads behind its memory through a pointer that was moved on one way': [
    'moved',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr2 = r1\nif r3 > 5 goto +1\nr2 += 57\nr0 = *(u64 *)(r2 + 0)\nexit',
  ],
  'that comes to where it must not': [
    'never',
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nw3 >>= 2\nr3 &= 61\nif r3 > 60 goto +1\nexit\nr0 = *(u8 *)(r1 + 64)\nexit',
  ],
  'that moves on and back': [
    'middle',
    'r0 = 0\nr3 = 0\nr4 = *(u8 *)(r1 + 0)\nr5 = *(u8 *)(r1 + 1)\nif r4 > 5 goto +3\nr3 += 1\nr3 += -1\nif r3 < r5 goto -4\nexit',
  ],
};

for (const [what, text] of Object.entries(honest)) {
  test(`a certificate of ${what} with anything in it changed promises no fewer instructions than are executed`, async (t) => {
    const code = assemble(text);
    const certificate = await certificateOf({ code, hook: 'run' }, { memorySize: MEMORY });
    t.true(certificate.length > 1);
    const judge = await judgeOf(text);
    t.is(judge([...certificate]).status, 'ok');
    const runs = [0, 9].map((fill) =>
      runOnHost({ code, hook: 'run' }, { memory: new Uint8Array(MEMORY).fill(fill) }),
    );
    const executed = Math.max(...(await Promise.all(runs)).map(({ steps }) => steps));
    const judged = variants(certificate).map(judge);
    t.deepEqual(
      judged.filter(({ status, bound }) =>
        status === 'ok' ? bound < executed : status !== 'bad_certificate',
      ),
      [],
    );
    t.true(judged.filter(({ status }) => status === 'bad_certificate').length > judged.length / 2);
  });
}

for (const [what, [like, text]] of Object.entries(dishonest)) {
  test(`no certificate admits a program ${what}`, async (t) => {
    const program = { code: assemble(honest[like]), hook: 'run' } as const;
    const certificate = await certificateOf(program, { memorySize: MEMORY });
    const judge = await judgeOf(text);
    const judged = [[...certificate], ...variants(certificate)].map((c) => ({ c, ...judge(c) }));
    t.deepEqual(
      judged.filter(({ status }) => status !== 'bad_certificate'),
      [],
    );
  });
}

/** Small numbers of either sign, as kernel-aarch64/bpf/checker/reader.h reads them. */
const signed = (value: number) => (value < 0 ? -2 * value - 1 : 2 * value);

test('a loop that is said to move by nothing is refused, whatever place is said to rank it', async (t) => {
  const [standing] = dishonest['whose counter stands still']!.slice(1);
  for (const text of [standing!, honest.loop]) {
    const judge = await judgeOf(text);
    const messages = new Set<string>();
    for (let place = 0; place < 128; place += 1)
      for (let trip = 0; trip < 4; trip += 1) {
        // At the head, two instructions on: a state waits, and there the loop begins.
        const loop = [VERSION, (2 << 3) | events.fall, 0, events.loop, place, signed(0), trip];
        const { status, message } = judge(loop);
        t.is(status, 'bad_certificate', `${loop}`);
        messages.add(message);
      }
    t.true(
      [...messages].some((message) => message.startsWith('a loop is ranked by what is no number of a range')),
      [...messages].join(),
    );
  }
});

test('events without end that all come at once end in a refusal', async (t) => {
  for (const text of Object.values(honest)) {
    const judge = await judgeOf(text);
    for (let kind = 0; kind < 8; kind += 1) {
      const flood = [VERSION, ...new Array<number>(LONGEST - 1).fill(kind)];
      const { status, steps } = judge(flood);
      t.is(status, 'bad_certificate', `kind ${kind}`);
      t.true(steps <= BOARD_CHECKER_STEPS_PER_INSN * 8);
    }
  }
});

test('a state that fell to where it waits is not lost when a jump brings another one there', async (t) => {
  const judge = await judgeOf(
    [
      'r0 = 0',
      'r4 = *(u8 *)(r1 + 0)',
      'if r4 > 5 goto +7', // r3 is not set on this way, and falls to the last load
      'if r4 > 3 goto +2',
      'r0 = 1',
      'exit',
      'r3 = r1',
      'if r4 > 4 goto +4', // and set on this one, which jumps there
      'r3 += 1',
      'exit',
      'r0 = 3',
      'r0 += 1',
      'r0 = *(u8 *)(r3 + 0)',
      'exit',
    ].join('\n'),
  );
  const from10 = [(6 << 3) | events.order, 10];
  const waits = [(2 << 3) | events.fall, 0];
  const { status } = judge([VERSION, ...from10, ...waits, events.order, 6]);
  t.is(status, 'bad_certificate');
});

/** A change that says that one more state waits: CHANGE_NEW. */
const [another, nullable] = [[0x80, 2], 5];

test('a state that comes where the last of those that waited before begins a loop is not lost', async (t) => {
  const text =
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr2 = r1\nr4 = 0\nif r3 > 5 goto +1\nr4 = 1\nr5 = *(u8 *)(r2 + 0)\nr2 = 0\nif r4 == 1 goto -3\nexit';
  const tracked = (after: number) => (after << 3) | events.track;
  const begins = [tracked(1), tracked(2), tracked(2), (1 << 3) | events.fall, ...another];
  const loops = [tracked(2), events.jump, ...another, (1 << 3) | events.loop, 3, signed(1), 0];
  // The one that is lost reads through r2, which is 0 by then.
  const judge = await judgeOf(text);
  t.is(judge([VERSION, ...begins, ...loops, tracked(2), tracked(4)]).status, 'bad_certificate');
});

test('a jump in the last slot that ends a way while a state waits elsewhere writes nothing behind the program', async (t) => {
  const judge = await judgeOf(
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nif r3 > 5 goto +1\ngoto +2\nr0 = 1\nexit\ngoto -2',
  );
  const plain = 1 << 5; // a change that the state may not wait lightly with
  t.is(judge([VERSION, (4 << 3) | events.order, 6, events.jump, plain, 0]).status, 'ok');
});

test('null is no value of a map that the program has not', async (t) => {
  const judge = await judgeOf('r0 = 0\nr3 = 0\nr0 = 1\nif r3 == 0 goto +1\nexit\nexit');
  for (let map = 0; map < 256; map += 1) {
    const register = [nullable, map, 0, 0, 0, 2, 1, 0]; // at its start, of a new id
    const { status } = judge([
      VERSION,
      (1 << 3) | events.track,
      (2 << 3) | events.fall,
      1 << 6,
      8,
      ...register,
    ]);
    t.is(status, 'bad_certificate', `map ${map}`);
  }
});

test('ways of one instruction that lead to one state more each end with the budget', async (t) => {
  const judge = await judgeOf('r0 = 0\ngoto -1\nexit');
  const once = [(1 << 3) | events.jump, ...another];
  const { message } = judge([VERSION, ...new Array(3000).fill(once).flat()]);
  t.regex(message, /instructions stepped$/);
});

test('all states that wait at a slot are gone on from before one that the first of them has wait further on', async (t) => {
  const judge = await judgeOf(
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nif r3 > 5 goto +0\nr4 = 5\nr1 += r4\nr0 = *(u8 *)(r1 + 0)\nexit',
  );
  const twoWait = [(3 << 3) | events.fall, ...another];
  const { status, steps } = judge([
    VERSION,
    ...twoWait,
    events.track,
    (1 << 3) | events.fall,
    0,
    events.track,
  ]);
  t.deepEqual([status, steps], ['ok', 8]);
});

/** As reader.h reads numbers. */
const long = (value: bigint): number[] =>
  value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...long(value >> 7n)];

test('a loop that turns too often is refused behind one that was said to execute as much as can be counted', async (t) => {
  const text =
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr4 = 0\nr6 = 1\nr6 <<= 62\nr4 = 1\nr6 += -1\nif r6 != 0 goto -2\nexit';
  const most = 1n << 62n;
  const loop = (place: number, step: bigint, trip: bigint) => [
    events.loop,
    place,
    ...long(step),
    ...long(trip),
  ];
  const counts = (1 << 3) | events.track;
  const begins = (after: number, change: readonly number[]) => [(after << 3) | events.fall, ...change];
  const number = [1 << 6, 1 << 6, 1, 0, 1 << 2, 1, ...long(most - 1n)]; // r6 is any from 1 to `most`
  const first = [...begins(1, [0]), ...loop(3, 510n, most - 2n)]; // one turn more
  const second = [...begins(2, number), ...loop(6, 1n, 3n), events.track, counts];
  const judge = await judgeOf(text);
  const { status, message } = judge([VERSION, counts, ...first, counts, counts, ...second]);
  t.is(status, 'bad_certificate');
  t.regex(message, /^a loop turns too often/);
});

test('nothing behind the memory that the checker is lent is written, however little it is', async (t) => {
  const host = new HostInstance(await module);
  const program = { code: assemble(honest.loop), hook: 'run' } as const;
  const certificate = await certificateOf(program, { memorySize: MEMORY });
  hand(host, program, MEMORY);
  const bytes = host.place(certificate);
  const lent = host.bytes(host.lend(BOARD_CHECKER_BYTES), BOARD_CHECKER_BYTES).fill(UNUSED);
  const refused = new Set<boolean>();
  const [step, looks] = [16, 1024];
  for (let size = 64 * 1024; size < BOARD_CHECKER_BYTES - looks; size += step) {
    const status = host.exports.host_check(bytes, certificate.length, lent.byteOffset, size, 64n * 8n);
    refused.add(status !== 0);
    if (lent.subarray(size, size + looks).some((byte) => byte !== UNUSED))
      return t.fail(`of ${size} bytes more are written`);
  }
  t.deepEqual([...refused].toSorted(), [false, true]);
});

test('a condition that leads to itself does not wait where it is looked at', async (t) => {
  const judge = await judgeOf('r0 = 0\nr3 = *(u8 *)(r1 + 0)\nr3 &= 3\nif r3 >= 28 goto -1\nexit');
  const tracked = (after: number) => (after << 3) | events.track;
  const waits = [(2 << 3) | events.fall, ...another];
  const { status, message } = judge([VERSION, tracked(1), tracked(1), ...waits, tracked(0)]);
  t.is(status, 'bad_certificate');
  t.regex(message, /leads back to where no loop begins/);
});

test('a way ends where a state waits, as long as others wait at the slot where it began', async (t) => {
  const judge = await judgeOf(
    'r0 = 0\nr3 = *(u8 *)(r1 + 0)\nif r3 > 5 goto +0\nr4 = 5\nif r3 > 9 goto +0\nr1 += r4\nr0 = *(u8 *)(r1 + 0)\nexit',
  );
  const twoWait = [(3 << 3) | events.fall, ...another];
  const { status, steps } = judge([VERSION, ...twoWait, events.track, (2 << 3) | events.track]);
  t.deepEqual([status, steps], ['ok', 10]);
});
