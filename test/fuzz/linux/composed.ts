/** Programs of loops around calls: what ends a loop may lie in another function than the loop, and begins anew with each call there. */
import type { Random } from '../../../ebpf/random.ts';
import { codeOf } from '../../verifier/request.ts';
import type { Sample } from './records.ts';

const MOST_FUNCTIONS = 5;
const MOST_LOOPS = 3;
const FIRST_COUNTER = 6;
/** Many never end, which takes all of it to see. */
const BUDGET = 20_000;
const WORD = 8;
/** Below the iterators of each loop: what they are asked by when their address is kept, and what turns leave. */
const [KEPT, STATE] = [32, 64];

const address = (register: string, below: number) => [`${register} = r10`, `${register} += -${below}`];

/** A function that calls others after it, so that none calls itself. */
class Writer {
  readonly lines: string[] = [];
  readonly wanted = new Set<number>();
  readonly random: Random;
  readonly functions: number;
  /** Functions with a jump that the kernel may take. Where patience ended no second one goes on, which Linux does not know. */
  readonly #patient = new Set<number>();
  #labels = 0;

  constructor(random: Random, functions: number) {
    this.random = random;
    this.functions = functions;
  }

  label(): string {
    return `l${this.#labels++}`;
  }

  say(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  /** Functions after this one. */
  #other(from: number): number | undefined {
    if (from + 1 >= this.functions) return undefined;
    const to = from + 1 + this.random.below(this.functions - from - 1);
    this.wanted.add(to);
    return to;
  }

  #call(from: number): void {
    const to = this.#other(from);
    if (to === undefined) return;
    if (this.random.once(3))
      this.say(
        `r1 = ${this.random.below(6)}`,
        `r2 = function f${to} ll`,
        ...address('r3', STATE),
        'r4 = 0',
        'call 181',
      );
    else this.say(...address('r1', STATE), `call local f${to}`);
  }

  #step(counter: string): void {
    const line = this.random.pick([
      [`r1 = *(u64 *)(r10 - ${STATE})`, 'r1 += 1', `*(u64 *)(r10 - ${STATE}) = r1`],
      [`*(u64 *)(r10 - ${STATE}) = ${this.random.below(3)}`],
      [`${counter} += ${this.random.below(3)}`],
      [`${counter} = ${this.random.below(3)}`],
      ['call 7', `${counter} = r0`],
    ]);
    this.say(...line);
  }

  #inside(from: number, level: number): void {
    for (let left = 1 + this.random.below(3); left > 0; left--) {
      const way = this.random.below(4);
      if (way === 0 && level + 1 < MOST_LOOPS) this.#loop(from, level + 1);
      else if (way < 3) this.#call(from);
      else this.#step(`r${FIRST_COUNTER + this.random.below(level + 1)}`);
    }
  }

  /** An iterator, whose address is kept on the stack for some. */
  #byIterator(from: number, level: number): void {
    const [again, out, at] = [this.label(), this.label(), WORD * (level + 1)];
    const kept = this.random.once(3);
    this.say(...address('r1', at), `r2 = 0`, `r3 = ${this.random.below(5)}`, 'call 256');
    if (kept) this.say(...address('r1', at), `*(u64 *)(r10 - ${KEPT + at}) = r1`);
    const asks = kept ? [`r1 = *(u64 *)(r10 - ${KEPT + at})`] : address('r1', at);
    this.say(`${again}:`, ...asks, 'call 257', `if r0 == 0 goto ${out}`);
    this.#inside(from, level);
    this.say(`goto ${again}`, `${out}:`, ...address('r1', at), 'call 258');
  }

  #byPatience(from: number, level: number): void {
    this.#patient.add(from);
    const [again, out] = [this.label(), this.label()];
    this.say(`${again}:`, `may_goto ${out}`);
    this.#inside(from, level);
    this.say(`goto ${again}`, `${out}:`);
  }

  #byNumber(from: number, level: number): void {
    const [again, counter] = [this.label(), `r${FIRST_COUNTER + level}`];
    this.say(`${counter} = 0`, `${again}:`);
    this.#inside(from, level);
    const end = this.random.pick([`${counter} < 4`, `${counter} != 3`, `${counter} == 0`, 'r0 s> 5']);
    if (!this.random.once(6)) this.say(`${counter} += 1`);
    this.say(...(end.startsWith('r0') ? ['call 7'] : []), `if ${end} goto ${again}`);
  }

  #loop(from: number, level: number): void {
    const way = this.random.below(3);
    if (way === 0) this.#byIterator(from, level);
    else if (way === 1 && !this.#patient.has(from)) this.#byPatience(from, level);
    else this.#byNumber(from, level);
  }

  function(number: number): void {
    this.say(`f${number}:`, ...['r6', 'r7', 'r8'].map((r) => `${r} = 0`), `*(u64 *)(r10 - ${STATE}) = 0`);
    if (this.random.once(4)) this.#inside(number, 0);
    else this.#loop(number, 0);
    this.say(this.random.once(4) ? 'r0 = r6' : 'r0 = 0', 'r0 &= 1', 'exit');
  }
}

/** Labels stand before instructions, and addresses of functions are told by how far they are. */
const linked = (lines: readonly string[]): string => {
  const starts = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    if (line.endsWith(':')) starts.set(line.slice(0, -1), at);
    else at += line.endsWith(' ll') ? 2 : 1;
  }
  at = 0;
  return lines
    .map((line) => {
      const [, name] = /= function (\w+) ll$/.exec(line) ?? [];
      const text = name ? line.replace(name, `${starts.get(name)! - at - 1}`) : line;
      if (!line.endsWith(':')) at += line.endsWith(' ll') ? 2 : 1;
      return text;
    })
    .join('\n');
};

/** One that begins with f0; functions that nobody calls are left out. */
export const composed = (random: Random): Sample => {
  const writer = new Writer(random, 1 + random.below(MOST_FUNCTIONS));
  for (let f = 0; f < writer.functions; f++) if (f === 0 || writer.wanted.has(f)) writer.function(f);
  const composed = { name: 'composed', type: 'sched_cls', code: linked(writer.lines) } as const;
  return { ...composed, budget: BUDGET, raw: codeOf(composed) };
};
