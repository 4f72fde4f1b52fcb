/**
 * Hooks that modules bind to: what they are given, what their result means, and how much they may cost.
 * A context is a struct in memory; `data`/`data_end` hold real addresses, so no access is rewritten.
 */

export type ContextField = {
  readonly name: string;
  readonly type: 'u32' | 'u64';
  /** What a load of this field gives the program: a number, or a pointer into the frame. */
  readonly holds: 'scalar' | 'packet' | 'packet_end';
  readonly writable?: boolean;
  readonly doc: string;
};

export type Hook = {
  readonly id: number;
  /** ELF sections that bind here, by prefix. */
  readonly sections: readonly string[];
  /** Worst case allowed, in eBPF instructions. */
  readonly budget: number;
  readonly context: readonly ContextField[];
  /** What happens when no module is bound. */
  readonly absent: string;
  readonly doc: string;
};

/** Room for a line and for the answer to it, with the zero at its end. */
export const UART_LINE_BYTES = 128;

export const hooks = {
  timer: {
    id: 1,
    sections: ['timer'],
    budget: 65536,
    context: [
      { name: 'tick', type: 'u64', holds: 'scalar', doc: 'number of this tick' },
      { name: 'time_ns', type: 'u64', holds: 'scalar', doc: 'board time of this tick' },
      { name: 'period_ns', type: 'u64', holds: 'scalar', doc: 'nominal period' },
      { name: 'core', type: 'u32', holds: 'scalar', doc: 'core it runs on' },
      {
        name: 'missed',
        type: 'u32',
        holds: 'scalar',
        doc: 'periods that passed without a tick before this one',
      },
    ],
    absent: 'the tick is counted and nothing runs',
    doc: 'Periodic, from the generic timer of each core the module is pinned to. The result is kept as last_result.',
  },
  packet: {
    id: 2,
    sections: ['packet', 'xdp'],
    budget: 16384,
    context: [
      { name: 'data', type: 'u64', holds: 'packet', doc: 'first byte of the frame' },
      { name: 'data_end', type: 'u64', holds: 'packet_end', doc: 'byte after the last one' },
      { name: 'time_ns', type: 'u64', holds: 'scalar', doc: 'board time of reception' },
      { name: 'len', type: 'u32', holds: 'scalar', doc: 'length of the frame' },
      { name: 'port', type: 'u32', holds: 'scalar', doc: '0 injected over the link, 1 first network device' },
    ],
    absent: 'the frame passes',
    doc: 'Each received Ethernet frame. Result: 0 aborted, 1 drop, 2 pass, 3 transmit (numbers of Linux XDP). Legacy packet loads (RFC 9669 §5.6, deprecated) read it with the context in r6, in the program itself; outside the frame they end it with 0.',
  },
  run: {
    id: 3,
    sections: ['run'],
    budget: 4194304,
    context: [],
    absent: 'not a slot',
    doc: 'Not a slot: single runs for tests and benchmarks. r1 = address of a writable memory, r2 = its length.',
  },
  uart_line: {
    id: 4,
    sections: ['uart_line'],
    budget: 16384,
    context: [
      { name: 'data', type: 'u64', holds: 'packet', doc: 'first character of the line' },
      {
        name: 'data_end',
        type: 'u64',
        holds: 'packet_end',
        doc: `${UART_LINE_BYTES} bytes behind data; what follows the line is zero`,
      },
      { name: 'time_ns', type: 'u64', holds: 'scalar', doc: 'board time at its end' },
      { name: 'len', type: 'u32', holds: 'scalar', doc: `characters of the line, below ${UART_LINE_BYTES}` },
      { name: 'port', type: 'u32', holds: 'scalar', doc: '0 the console' },
    ],
    absent: "a line that is none of the board's own commands is answered by a hint",
    doc: "Each line of printable ASCII that is typed on the console, without blanks around it, unless it is one of the board's own commands. Result: 1 taken, 2 pass, to the next module, 3 answer: the text at data up to the first zero is printed. Others count as no result.",
  },
} as const satisfies Record<string, Hook>;

export const verdicts = { aborted: 0, drop: 1, pass: 2, transmit: 3 } as const;

/** What verdicts mean for a line. */
export const lineVerdicts = {
  taken: verdicts.drop,
  pass: verdicts.pass,
  answer: verdicts.transmit,
} as const;

/** Slots per hook: modules that can be bound to one hook at a time. */
export const SLOTS_PER_HOOK = 64;
