/** What happens to a board in a soak. Which, how often and how hard comes from the seed alone. */
import { encode } from 'cborg';
import { statusNamed } from '../../abi/index.ts';
import type { Random } from '../../ebpf/random.ts';
import { encodeFrame, RefusedError } from '../../link/index.ts';
import { encodeMessage, smpGroups, smpOps } from '../../link/smp.ts';
import { CauseError } from '../cause.ts';
import { pressReset } from '../control.ts';
import { noise } from '../suites/faults.ts';
import { looping, oddFilter, returning } from '../suites/programs.ts';
import { tooSlow } from '../suites/swap.ts';
import { HOLDER, type Subject, TICKS } from './subject.ts';

export type Action = {
  readonly weight: number;
  /** Does it, and says what it did. */
  readonly run: (subject: Subject, random: Random) => Promise<string>;
};

const RESTART_MS = 60_000;
const CANARY = 'soak_canary';
const FILTER = 'soak_filter';
const STATE_KEYS = 48;
const VERDICT_MS = 30_000;
const GARBAGE_BYTES = 8000;
const window = 16;

const swap: Action = {
  weight: 6,
  run: async (subject, random) => {
    const times = 1 + random.below(12);
    for (let i = 0; i < times; i++) await subject.swap(random.pick([TICKS, HOLDER]));
    return `${times} swaps`;
  },
};

const write: Action = {
  weight: 3,
  run: async (subject, random) => {
    const times = 1 + random.below(8);
    for (let i = 0; i < times; i++)
      await subject.write(random.below(STATE_KEYS), BigInt(random.below(2 ** 32)));
    return `${times} entries written`;
  },
};

const verdict = async (subject: Subject): Promise<'promoted' | 'rolled_back'> => {
  const { books, link } = subject;
  const before = { promoted: books.told('promoted'), rolled_back: books.told('rolled_back') };
  for (const deadline = performance.now() + VERDICT_MS; performance.now() < deadline; ) {
    await books.read(link);
    if (books.told('promoted') > before.promoted) return 'promoted';
    if (books.told('rolled_back') > before.rolled_back) return 'rolled_back';
    await link.timer();
  }
  throw new CauseError('no_answer', `the board gave no verdict on a canary within ${VERDICT_MS / 1000} s`);
};

const canary: Action = {
  weight: 2,
  run: async (subject, random) => {
    const { bench, books, link } = subject;
    const faster = random.below(2) === 0;
    await bench.install(looping(CANARY, 300));
    books.expect('installed');
    for (let calls = 0n; calls < 32n; ) {
      calls = (await link.telemetryAll()).find(({ name }) => name === CANARY)?.calls ?? 0n;
    }
    await books.read(link);
    await bench.install(looping(CANARY, faster ? 20 : 3000), { canary: true, window, ratio: 1000 });
    books.expect('installed');
    const [wanted, seen] = [faster ? 'promoted' : 'rolled_back', await verdict(subject)] as const;
    if (seen !== wanted)
      throw new CauseError('wrong_answer', `a ${faster ? 'faster' : 'slower'} canary was ${seen}`);
    books.expect(seen);
    await acknowledge(subject, seen === 'rolled_back' ? 1 : 0, tooSlow);
    await subject.remove(CANARY);
    return `a ${faster ? 'faster' : 'slower'} canary`;
  },
};

/** Evidence must be there once for each version that was thrown out. */
const acknowledge = async ({ link }: Subject, due: number, reasons: readonly number[]): Promise<void> => {
  const records = await link.evidenceAll();
  const right = records.filter((record) => reasons.includes(record.reason));
  if (records.length !== due || right.length !== due) {
    throw new CauseError(
      'loses_events',
      `${due} records of evidence were due, ${records.length} came, ${right.length} of them with the right reason`,
    );
  }
  for (const { id } of records) await link.evidenceAck(id);
};

const rollback: Action = {
  weight: 2,
  run: async (subject) => {
    await subject.swap(TICKS);
    await subject.link.rollback(TICKS);
    subject.books.expect('rolled_back');
    await acknowledge(subject, 1, [statusNamed('requested').code]);
    return 'a version was taken back';
  },
};

const fault: Action = {
  weight: 3,
  run: async (subject, random) => {
    const { link, books } = subject;
    const times = 1 + random.below(8);
    await books.read(link);
    const installs = books.told('installed');
    const removals = books.told('removed');
    const { n } = await link.request('bench', { what: 'fault', n: times });
    if (n !== times) throw new CauseError('wrong_answer', `of ${times} faults ${n} were caught`);
    await acknowledge(subject, times, [statusNamed('module_fault').code]);
    await books.read(link);
    books.expect('fault', times);
    books.expect('rolled_back', times);
    books.expect('installed', Number(books.told('installed') - installs)); // its own module, put in and taken out
    books.expect('removed', Number(books.told('removed') - removals));
    return `${times} faults in a module`;
  },
};

const garbage: Action = {
  weight: 2,
  run: async (subject, random) => {
    const bytes = 1 + random.below(GARBAGE_BYTES);
    await subject.device.line.write(noise(random.below(2 ** 32), bytes));
    await subject.device.line.write(Buffer.from('\n'));
    await subject.link.echo('after the noise');
    return `${bytes} bytes of noise`;
  },
};

const lossy: Action = {
  weight: 3,
  run: async (subject, random) => {
    const { line } = subject.device;
    const seed = random.below(2 ** 32);
    const times = 1 + random.below(4);
    line.setNoise({ drop_per_million: 200, flip_per_million: 200, seed });
    try {
      for (let i = 0; i < times; i++) {
        await subject.swap(random.pick([TICKS, HOLDER]));
        await subject.write(random.below(STATE_KEYS), BigInt(random.below(2 ** 32)));
      }
    } finally {
      line.setNoise({});
      await line.write(Buffer.from('\n'));
    }
    return `${times} swaps and writes over a line that loses and changes bytes`;
  },
};

const refused = async (subject: Subject, work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    subject.books.expect('refused');
    return error.status;
  }
  throw new CauseError('accepted', 'the board accepted a patch that it should refuse');
};

const refuse: Action = {
  weight: 2,
  run: async (subject, random) => {
    const { bench, link } = subject;
    if (random.below(2) === 0) {
      await link.stage(noise(random.below(2 ** 32), 64 + random.below(400)));
      return `refused: ${await refused(subject, link.install({ canary: false }))}`;
    }
    const unsafe = {
      ...returning('soak_unsafe', 0),
      code: Uint8Array.from([0x79, 0x10, 0, 0x10, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]),
    };
    return `refused: ${await refused(subject, bench.install(unsafe))}`;
  },
};

const packets: Action = {
  weight: 2,
  run: async (subject, random) => {
    const { bench, books, link } = subject;
    await bench.install(oddFilter(FILTER));
    books.expect('installed');
    const times = 1 + random.below(20);
    for (let i = 0; i < times; i++) {
      const frame = noise(random.below(2 ** 32), 60 + random.below(400));
      const { verdict: seen } = await link.inject(frame);
      const wanted = frame[0]! & 1 ? 1 : 2;
      if (seen !== wanted)
        throw new CauseError('wrong_answer', `a frame got verdict ${seen}, ${wanted} is right`);
    }
    await subject.remove(FILTER);
    return `${times} packets`;
  },
};

const idle: Action = {
  weight: 3,
  run: async ({ device }, random) => {
    const seconds = 20 + random.below(100);
    await device.wait(seconds);
    return `${seconds} s of rest`;
  },
};

const half = () => {
  const payload = encode({ d: 'x'.repeat(300) });
  const frame = encodeFrame(encodeMessage({ op: smpOps.write, group: smpGroups.os, seq: 1, id: 0, payload }));
  return frame.subarray(0, frame.length >> 1);
};

const death: Action = {
  weight: 3,
  run: async (subject, random) => {
    const { device, link } = subject;
    const how = random.pick(['in a message', 'in an upload', 'for a while'] as const);
    if (how === 'in a message') await device.line.write(half());
    if (how === 'in an upload') {
      await link.stageChunk({
        off: 0,
        len: 50_000,
        sha: noise(random.below(2 ** 32), 32),
        data: noise(1, 1000),
      });
    }
    await device.disconnect();
    if (how === 'for a while') await new Promise((resolve) => setTimeout(resolve, 100 + random.below(400)));
    await device.reconnect(0);
    return `the host died ${how}`;
  },
};

const reset: Action = {
  weight: 1,
  run: async (subject, random) => {
    const { device } = subject;
    const { control } = device.powered;
    const button = control !== undefined && random.below(2) === 0;
    await device.restart(() => (button ? pressReset(control) : device.link.reset()), RESTART_MS);
    await subject.begin();
    return button ? 'the reset button was pressed' : 'a reset over the link';
  },
};

const clear: Action = {
  weight: 1,
  run: async (subject) => {
    await subject.clear();
    await subject.furnish();
    return 'everything was removed and all memory came back';
  },
};

export const actions: Readonly<Record<string, Action>> = {
  swap,
  write,
  canary,
  rollback,
  fault,
  garbage,
  lossy,
  refuse,
  packets,
  idle,
  death,
  reset,
  clear,
};

const names = Object.keys(actions).flatMap((name) =>
  Array.from({ length: actions[name]!.weight }, () => name),
);

export const chooseAction = (random: Random): string => random.pick(names);
