/** The monitor as a job of a shell on a real pseudo-terminal: however it ends or stops, the terminal is as it was. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { root } from '../../firmware/index.ts';
import { encodeTold } from '../../monitor/recording.ts';
import { readingAt } from '../../monitor/test/samples.ts';
import { EmulatedTerminal } from './emulated-terminal.ts';

const hasPython = process.platform !== 'win32' && spawnSync('python3', ['--version']).status === 0;
const onTerminal = hasPython ? test.serial : test.skip;

const { SIGTERM, SIGSTOP, SIGTSTP } = constants.signals;

/** A command on a pseudo-terminal. */
class Job {
  readonly terminal = new EmulatedTerminal();
  readonly #child: ChildProcess;
  readonly #news: string[] = [];
  #look = () => {};

  constructor(t: ExecutionContext, command: readonly string[]) {
    const shell = join(root, 'test/monitor/job_shell.py');
    const env = { ...process.env, TERM: 'xterm-256color' };
    const child = spawn('python3', [shell, ...command], {
      cwd: root,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    t.teardown(() => void child.stdin.end());
    createInterface(child.stdout).on('line', (line) => {
      const [what, hex = ''] = line.split(' ');
      if (what === 'output') return this.terminal.feed(Buffer.from(hex, 'hex'));
      this.#news.push(line);
      this.#look();
    });
  }

  ask(...order: readonly (string | number)[]): void {
    this.#child.stdin!.write(`${order.join(' ')}\n`);
  }

  type(keys: string): void {
    this.ask('type', Buffer.from(keys).toString('hex'));
  }

  /** What happened next: it stopped, or it ended. */
  next(): Promise<string> {
    return new Promise((resolve) => {
      this.#look = () => {
        const news = this.#news.shift();
        if (news) resolve(news);
      };
      this.#look();
    });
  }
}

const PAUSE_MS = 3_600_000;

/** A replay that goes on for as long as a test may want: a pause of a replay is 10 s at most. */
const longRecording = (): string => {
  const path = join(temporaryFolder(), 'run.jsonl');
  const entries = Array.from({ length: 100 }, (_, i) => ({
    port: 'p',
    entry: { kind: 'reading', time_ms: i * PAUSE_MS, reading: readingAt(1000 * (i + 1)) } as const,
  }));
  writeFileSync(path, entries.map((told) => `${encodeTold(told)}\n`).join(''));
  return path;
};

const monitor = (t: ExecutionContext) => new Job(t, ['./velocity', 'monitor', '--replay', longRecording()]);

const SEEN = /▸ fir [\s\S]*q quit/;

onTerminal('suspended, resumed and ended by signals, it gives the terminal back each time', async (t) => {
  t.timeout(240_000);
  const job = monitor(t);
  const { terminal } = job;
  const ways = [() => job.type('\x1a'), () => job.ask('signal', SIGTSTP), () => job.ask('signal', SIGSTOP)];
  for (const [i, stop] of ways.entries()) {
    await terminal.shows(SEEN);
    t.true(terminal.isAlternate);
    stop();
    const state = await job.next();
    if (i < 2) {
      t.is(state, 'stopped cooked');
      await terminal.until(() => !terminal.isAlternate);
    }
    terminal.feed('\x1b[2J'); // whatever the shell wrote meanwhile
    job.ask('resume');
  }
  await terminal.shows(SEEN);
  job.ask('signal', SIGTERM);
  t.is(await job.next(), 'ended 130 cooked');
  await terminal.until(() => !terminal.isAlternate);
  t.regex(terminal.everything, /fir +timer/);
});

onTerminal('ended by its key it leaves what was seen last, and no error', async (t) => {
  t.timeout(240_000);
  const job = monitor(t);
  await job.terminal.shows(SEEN);
  job.type('q');
  t.is(await job.next(), 'ended 0 cooked');
  await job.terminal.shows(/fir +timer[^▸]*$/);
});

onTerminal('a terminal that goes away ends it', async (t) => {
  t.timeout(240_000);
  const job = monitor(t);
  await job.terminal.shows(SEEN);
  job.ask('hang-up');
  t.is(await job.next(), 'ended -1 gone');
});

const FAILING = `
const { MonitorView } = await import('./cli/monitor-view.ts');
const { Output } = await import('./cli/output.ts');
const { makeCleanup } = await import('./cli/cleanup.ts');
const streams = { keyboard: process.stdin, display: process.stdout };
const view = await MonitorView.open({ output: new Output(false), cleanup: makeCleanup() }, streams);
view.line('about to fail');
process.stdin.once('keypress', () => setImmediate(() => { throw new Error('planted'); }));`;

onTerminal('an error that nobody expected gives the terminal back before it is told', async (t) => {
  t.timeout(240_000);
  const job = new Job(t, ['node', '--import=tsx', '--input-type=module', '-e', FAILING]);
  await job.terminal.shows(/about to fail/);
  job.type('x');
  t.is(await job.next(), 'ended 1 cooked');
  await job.terminal.until(() => !job.terminal.isAlternate);
  await job.terminal.shows(/Error: planted/);
});
