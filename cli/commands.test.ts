import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { decode } from 'cborg';
import type { Command } from 'commander';
import { patchKeys } from '../abi/index.ts';
import { fileStore, Ledger } from '../evolve/index.ts';
import { chosenKey, keyId } from '../firmware/sign.ts';
import { type Handlers, Refusal } from '../link/test/fake-board.ts';
import { watched } from '../link/test/watched.ts';
import { makeCleanup } from './cleanup.ts';
import { loadCommands } from './commands/index.ts';
import { readProgram } from './module-file.ts';
import { Output } from './output.ts';
import { makeProgram } from './program.ts';
import { boardOnSocket, jsonLines, temporaryFolder, velocity } from './test/command-line.ts';

const file = (name: string, content: string | Uint8Array) => {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
};

const zeros = { jit_bytes: 12, bound: 0n, verify_insns: 0n, compile_insns: 0n };

/** Returns the length of the code, refuses programs that start with ff, and writes 0xaa into the memory. */
const runner: Handlers = {
  run: ({ code, mem }) => {
    if (code?.[0] === 0xff) throw new Refusal('bad_opcode', { insn: 0, msg: 'opcode 0xff' });
    return { r0: BigInt(code?.length ?? 0) << 56n, mem: mem.map(() => 0xaa), cycles: 3n, ...zeros };
  },
};

test('bpf run answers each line in order, also after lines that are wrong', async (t) => {
  const { port } = await boardOnSocket(runner);
  const batch = file(
    'batch.jsonl',
    [
      '{"id":1,"code":"95000000000000009500000000000000","mem":"0102"}',
      '{"id":"two","code":"ff00000000000000","mem":""}',
      'not json',
      '{"id":4,"code":"9","mem":""}',
      '{"id":5,"code":"zz","mem":""}',
      '{"id":6,"mem":""}',
      '[]',
      '',
      `{"id":8,"code":"","mem":"${'00'.repeat(2049)}"}`,
      '{"id":9,"code":"","mem":""}',
    ].join('\n'),
  );
  const result = await velocity('bpf', 'run', '--port', port, '--batch', batch, '--json');
  t.is(result.exit, 0, result.stderr);
  const lines = jsonLines(result);
  t.deepEqual(lines[0], { id: 1, ok: true, r0: '0x1000000000000000', mem: 'aaaa', insns: 3, jit_bytes: 12 });
  t.deepEqual(lines[1], {
    id: 'two',
    ok: false,
    error: { code: 'bad_opcode', insn: 0, message: 'opcode 0xff' },
  });
  const rest = lines.slice(2).map(({ id, ok, error }) => [id, ok, (error as { code?: string })?.code]);
  t.deepEqual(rest, [
    [null, false, 'bad_line'],
    [4, false, 'bad_line'],
    [5, false, 'bad_line'],
    [6, false, 'bad_line'],
    [null, false, 'bad_line'],
    [8, false, 'too_long'],
    [9, true, undefined],
  ]);
});

test('bpf run tells the board which engine to use', async (t) => {
  const engines: boolean[] = [];
  const { port } = await boardOnSocket({
    run: ({ jit, mem }) => {
      engines.push(jit);
      return { r0: 0n, mem, cycles: 0n, ...zeros };
    },
  });
  const batch = file('one.jsonl', '{"id":1,"code":"9500000000000000","mem":""}\n');
  await velocity('bpf', 'run', '--port', port, '--batch', batch, '--engine', 'interp');
  t.deepEqual(engines, [false]);
});

type Figures = { readonly executed: number };

test('module load sends a signed patch with the running version as parent', async (t) => {
  const staged: Buffer[] = [];
  const sha = new Uint8Array(32).fill(7);
  const none = new Uint8Array(0);
  const row = { version: 1, state: 'live', insns: 1, bound: 1n, jit_bytes: 1, cores: 1, proof: 0 };
  const rights = { roles: 7, doors: 7, open: 0, revoked: false, kept: false };
  const ids = ['00'.repeat(8), keyId(chosenKey().publicKey)].map((id) => Buffer.from(id, 'hex'));
  const { port } = await boardOnSocket({
    key: ({ i }) => {
      if (i >= ids.length) throw new Refusal('no_entry');
      return { id: ids[i]!, sequence: i === 0 ? 7n : 4n, ...rights };
    },
    module: ({ i }) => {
      if (i > 0) throw new Refusal('no_entry');
      return { id: 1, name: 'fir', hook: 'timer', sha, previous: none, ...row };
    },
    stage: ({ off, data }) => {
      staged.push(Buffer.from(data));
      return { off: off + data.length };
    },
    install: ({ canary, ratio }) => {
      t.deepEqual([canary, ratio], [true, 1100]);
      const costs = { verify_insns: 1n, compile_insns: 1n, check_insns: 1n };
      return { name: 'fir', version: 2, insns: 9, bound: 9n, jit_bytes: 64, ...costs };
    },
  });
  const load = ['module', 'load', 'modules/fir/fir.c', '--canary', '--ratio', '1100'];
  const result = await velocity(...load, '--port', port, '--json');
  t.is(result.exit, 0, result.stderr);
  const [installed] = jsonLines(result) as [{ optimised: { before: Figures; after: Figures } }];
  t.like(installed, { event: 'installed', name: 'fir', version: 2, canary: true });
  t.true(installed.optimised.after.executed < installed.optimised.before.executed);
  const sign1 = decode(Buffer.concat(staged).subarray(1), { useMaps: true }) as unknown[];
  const patch = decode(sign1[2] as Uint8Array, { useMaps: true }) as Map<number, unknown>;
  t.deepEqual([patch.get(1), patch.get(2), patch.get(9)], ['fir', 1, 5]); // the next number of its own key
  const { code } = await readProgram('modules/fir/fir.c');
  t.notDeepEqual(Buffer.from(patch.get(patchKeys.code.key) as Uint8Array), Buffer.from(code));
  t.deepEqual(Buffer.from(patch.get(8) as Uint8Array), Buffer.from(sha));
});

test('a board that is not there is missed before a faster program is looked for', async (t) => {
  const { exit, stdout } = await velocity(
    'module',
    'load',
    'modules/fir/fir.c',
    '--port',
    '/dev/no-such-port',
  );
  t.is(exit, 4);
  t.is(stdout, '');
});

test('what the board refuses is said with its reason and exit code', async (t) => {
  const { port } = await boardOnSocket({
    rollback: () => {
      throw new Refusal('no_previous');
    },
  });
  const result = await velocity('module', 'rollback', 'fir', '--port', port, '--json');
  t.is(result.exit, 8);
  t.like(jsonLines(result)[0], { event: 'error', code: 'refused', exit: 8 });
  t.regex(result.stderr, /the board refused rollback: no_previous/);
  t.regex(result.stderr, /hint: there is no earlier version/);
});

test('module replay counts verdicts of a capture and skips frames that were cut', async (t) => {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(1, 20);
  const record = (captured: number, wire: number, fill: number) => {
    const bytes = Buffer.alloc(16 + captured, fill);
    bytes.fill(0, 0, 8);
    bytes.writeUInt32LE(captured, 8);
    bytes.writeUInt32LE(wire, 12);
    return bytes;
  };
  const records = [record(60, 60, 2), record(60, 1500, 2), record(64, 64, 1), record(60, 60, 2)];
  const { port } = await boardOnSocket({ inject: ({ data }) => ({ verdict: data[0]!, cycles: 10n }) });
  const capture = file('capture.pcap', Buffer.concat([header, ...records]));
  const result = await velocity('module', 'replay', capture, '--port', port, '--json');
  t.is(result.exit, 0, result.stderr);
  const expected = { event: 'replay', frames: 4, pass: 2, drop: 1, transmit: 0, aborted: 0, skipped: 1 };
  t.deepEqual(jsonLines(result), [{ ...expected, cycles: 30 }]);
});

const counters = {
  name: 'fir',
  version: 1,
  time_ns: 1n,
  calls: 4n,
  cycles: 40n,
  min: 9n,
  max: 11n,
  last_result: 0n,
  histogram: [0, 0, 0, 4],
};
const rolledBack = {
  seq: 1n,
  kind: 'rolled_back',
  name: 'fir',
  version: 2,
  reason: 277,
  time_ns: 0n,
  before: 0n,
  after: 0n,
  text: '',
  lost: 0n,
};

test('monitor prints a line a module and reading, with the console text and events in between', async (t) => {
  const board = await boardOnSocket(watched({ telemetry: () => [counters], events: [rolledBack] }));
  await board.line.write(Buffer.from('ready on fake\n'));
  const result = await velocity(
    ...['monitor', '--port', board.port, '--count', '2', '--interval', '10', '--json'],
  );
  t.is(result.exit, 0, result.stderr);
  const lines = jsonLines(result);
  t.like(lines[0], { event: 'console', text: 'ready on fake' });
  t.like(lines[1], { event: 'board', kind: 'rolled_back', module: 'fir' });
  t.like(lines[2], { event: 'connected', board: 'fake', version: '0.1.0' });
  t.like(lines[3], { event: 'telemetry', module: 'fir', calls: 4, interval_calls: 4, cycles_per_call: 10 });
  t.like(lines[4], { event: 'telemetry', module: 'fir', interval_calls: 0 });
  t.is(lines.length, 5);
});

const failures: readonly (readonly [string, number, readonly string[], RegExp])[] = [
  ['no board', 2, ['module', 'list'], /no board is named/],
  ['port and board', 2, ['module', 'list', '--port', 'x', '--board', 'rpi3b'], /cannot be used with/],
  ['unknown board', 2, ['module', 'list', '--board', 'pc'], /no board is named pc/],
  ['bad address', 2, ['module', 'list', '--port', 'tcp:x'], /is no port/],
  ['bad number', 2, ['monitor', '--count', 'many', '--port', 'x'], /whole number/],
  ['unplugged', 4, ['module', 'list', '--port', '/dev/velocity-none'], /no such port/],
  ['a folder', 10, ['bpf', 'disasm', '/'], /it is a folder\n {2}hint: name a file in it/],
  ['a file without end', 10, ['bpf', 'disasm', '/dev/zero'], /larger than 256 MiB/],
  ['no batch', 10, ['bpf', 'run', '--batch', '/none', '--port', 'x'], /no such file/],
  ['no module', 10, ['module', 'load', '/none.c', '--port', 'x'], /no such file/],
  [
    'no name',
    2,
    ['module', 'load', '/tmp/hällo wörld.c', '--port', 'x'],
    /"hällo wörld" can be no.*\n.*--name/,
  ],
  ['long name', 2, ['evolve', 'a.c', '--name', 'a'.repeat(32), '--port', 'x'], /can be no module's name/],
  ['no ELF', 10, ['module', 'load', 'package.json', '--port', 'x'], /package\.json: .*not an ELF/],
  ['no ELF to read', 10, ['bpf', 'disasm', 'package.json'], /package\.json: .*not an ELF/],
  ['no capture', 10, ['module', 'replay', 'package.json', '--port', 'x'], /neither pcap nor pcapng/],
];

for (const [what, exit, argv, message] of failures) {
  test(`exit code ${exit}: ${what}`, async (t) => {
    const result = await velocity(...argv);
    t.is(result.exit, exit);
    t.regex(result.stderr, message);
  });
}

test('a C file that does not compile ends with the compiler’s words', async (t) => {
  const result = await velocity('bpf', 'disasm', file('bad.c', 'int x = ;\n'));
  t.is(result.exit, 11);
  t.regex(result.stderr, /expected expression/);
});

test('bpf jit --json ends each file with what all its programs cost', async (t) => {
  const source = `#include <velocity.h>
SEC("timer/one") int one(struct timer_context *timer) { return (int)timer->tick; }
SEC("timer/two") int two(void *timer) { return 2; }
SEC("timer/three") int three(void *timer) { return *(int *)(long)timer; }\n`;
  const result = await velocity('bpf', 'jit', file('three.c', source), '--json');
  const lines = jsonLines(result) as { bpf_insns: number; a64_insns?: number; programs?: number }[];
  const total = lines.pop();
  const compiled = lines.filter((line) => line.a64_insns !== undefined);
  const sum = (of: 'bpf_insns' | 'a64_insns') => compiled.reduce((all, line) => all + (line[of] ?? 0), 0);
  t.like(total, { programs: 2, refused: 1, bpf_insns: sum('bpf_insns'), a64_insns: sum('a64_insns') });
});

test('a port where nobody speaks the protocol ends in a timeout', async (t) => {
  const path = join(temporaryFolder(), 'silent');
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  const result = await velocity('module', 'list', '--port', `unix:${path}`);
  server.close();
  t.is(result.exit, 7);
});

test('an option that names something and is empty is refused before anything is written', async (t) => {
  for (const command of [
    ['docs', '--out', ''],
    ['evolve', 'log', '--ledger', ''],
    ['keys', 'list', '--key', ''],
    ['models', 'eval', '--model', ''],
    ['flash', '--board', 'rpi4b', '--to', ''],
    ['flash', '--fastboot', 'tcp:localhost', '--partition', ''],
    ['flash', '--usb', '', '--list'],
    ['monitor', '--board', 'qemu-virt', '--store', ''],
    ['module', 'list', '--board', ''],
  ]) {
    const { exit, stderr } = await velocity(...command);
    t.is(exit, 2, command.join(' '));
    t.regex(stderr, /is empty[\s\S]*hint: /);
  }
  t.is((await velocity('docs', '--out', '/proc/no-such-thing')).exit, 10);
});

test('evolve looks at the ledger that is named, and says what is wrong with one', async (t) => {
  const path = join(temporaryFolder(), 'ledger.jsonl');
  const ledger = new Ledger(fileStore(path));
  for (const reason of ['nothing to gain', 'quiet hours']) ledger.append('rest', 'fir', { reason });
  const log = (...more: string[]) => velocity('evolve', 'log', '--json', ...more);
  t.deepEqual(
    jsonLines(await log('--ledger', path)).map(({ reason }) => reason),
    ['nothing to gain', 'quiet hours'],
  );
  t.deepEqual(jsonLines(await log('--module', 'gemv', '--ledger', path)), []);
  writeFileSync(path, readFileSync(path, 'utf8').replace('nothing', 'little'));
  const damaged = { event: 'error', code: 'ledger_damaged', exit: 10 };
  t.like(jsonLines(await log('--ledger', path))[0], damaged);
  t.like(jsonLines(await log('--ledger', temporaryFolder()))[0], damaged);
  t.like(jsonLines(await log('--ledger', `${path}.typo`))[0], { code: 'bad_file', exit: 10 });
});

/** `rig` reads both. */
const readElsewhere = /^velocity rig \w+ --board$/;

test('no command has an option of the command above it, which would take it', async (t) => {
  const twice = (command: Command, above: readonly string[], path: string): string[] => {
    const own = command.options.map(({ long, short }) => long ?? short ?? '');
    const here = own.filter((name) => above.includes(name)).map((name) => `${path} ${name}`);
    return [
      ...here,
      ...command.commands.flatMap((sub) => twice(sub, [...above, ...own], `${path} ${sub.name()}`)),
    ];
  };
  const program = makeProgram({ output: new Output(false), cleanup: makeCleanup() }, await loadCommands());
  t.deepEqual(
    twice(program, [], 'velocity').filter((name) => !readElsewhere.test(name)),
    [],
  );
});

test('a group without its command is an error for programs too', async (t) => {
  const result = await velocity('bpf', '--json');
  t.is(result.exit, 2);
  t.like(jsonLines(result).at(-1), { event: 'error', code: 'usage', exit: 2 });
});
