/** States of boards as OpenMetrics text (OpenMetrics 1.0.0, "Exposition format"); each sample names its board's port. Pure. */
import { budgetShare, emptyState, type ModuleRow, type MonitorState, mishapsOf } from './state.ts';

export const CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
/** Prometheus' own older format, for those who do not ask for the other one. */
export const CLASSIC_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = { readonly suffix?: string; readonly labels?: Labels; readonly value: number | bigint };
type Family = {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info';
  /** The name must end with it. */
  readonly unit?: string;
  readonly help: string;
  readonly samples: readonly Sample[];
};

const escaped = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

const labelText = (labels: Labels = {}) => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

const sampleLines = ({ name, samples }: Family): string[] =>
  samples.map(({ suffix = '', labels, value }) => `${name}${suffix}${labelText(labels)} ${value}`);

const familyText = (family: Family): string => {
  const { name, type, unit, help } = family;
  const meta = [`# TYPE ${name} ${type}`, ...(unit ? [`# UNIT ${name} ${unit}`] : [])];
  return [...meta, `# HELP ${name} ${escaped(help)}`, ...sampleLines(family), ''].join('\n');
};

/** Families are named there as their samples are, and there is no type for what never changes. */
const classicText = (family: Family): string => {
  const suffix = { counter: '_total', info: '_info', gauge: '', histogram: '' }[family.type];
  const name = `${family.name}${suffix}`;
  const type = family.type === 'info' ? 'gauge' : family.type;
  return [`# HELP ${name} ${family.help}`, `# TYPE ${name} ${type}`, ...sampleLines(family), ''].join('\n');
};

const moduleLabels = (row: ModuleRow): Labels => ({
  module: row.telemetry.name,
  hook: row.module?.hook ?? '',
});

/** Bin i holds calls of [2^i, 2^(i+1)) whole cycles; the last one also what is beyond. */
const histogramSamples = (row: ModuleRow): Sample[] => {
  const labels = moduleLabels(row);
  let total = 0;
  const buckets = row.telemetry.histogram.map((bin, i, all) => {
    total += bin;
    const le = i === all.length - 1 ? '+Inf' : `${2 ** (i + 1) - 1}.0`;
    return { suffix: '_bucket', labels: { ...labels, le }, value: total };
  });
  const sum = { suffix: '_sum', labels, value: row.telemetry.cycles };
  return total === 0 && buckets.length === 0
    ? []
    : [...buckets, { suffix: '_count', labels, value: total }, sum];
};

const perModule = (
  state: MonitorState,
  value: (row: ModuleRow) => number | bigint | undefined,
  suffix = '',
) =>
  state.rows.flatMap((row): Sample[] => {
    const found = value(row);
    return found === undefined ? [] : [{ suffix, labels: moduleLabels(row), value: found }];
  });

const moduleFamilies = (state: MonitorState): Family[] => [
  {
    name: 'velocity_module',
    type: 'info',
    help: 'Version that runs in a slot.',
    samples: state.rows.map((row) => ({
      suffix: '_info',
      labels: {
        ...moduleLabels(row),
        version: String(row.telemetry.version),
        state: row.module?.state ?? '',
        sha256: Buffer.from(row.module?.sha ?? []).toString('hex'),
      },
      value: 1,
    })),
  },
  {
    name: 'velocity_module_calls',
    type: 'counter',
    help: 'Calls of the running version.',
    samples: perModule(state, (row) => row.telemetry.calls, '_total'),
  },
  {
    name: 'velocity_module_call_cycles',
    type: 'histogram',
    unit: 'cycles',
    help: 'CPU cycles of each call of the running version; instructions on a virtual board.',
    samples: state.rows.flatMap(histogramSamples),
  },
  {
    name: 'velocity_module_slowest_call_cycles',
    type: 'gauge',
    unit: 'cycles',
    help: 'Slowest call of the running version.',
    samples: perModule(state, (row) => row.telemetry.max),
  },
  {
    name: 'velocity_module_budget_ratio',
    type: 'gauge',
    unit: 'ratio',
    help: 'Proven worst case as a share of what the hook allows.',
    samples: perModule(state, budgetShare),
  },
  {
    name: 'velocity_module_faults',
    type: 'counter',
    help: 'Faults of the module seen by this monitor.',
    samples: perModule(state, (row) => mishapsOf(state, row.telemetry.name).faults, '_total'),
  },
  {
    name: 'velocity_module_rollbacks',
    type: 'counter',
    help: 'Rollbacks of the module seen by this monitor.',
    samples: perModule(state, (row) => mishapsOf(state, row.telemetry.name).rollbacks, '_total'),
  },
];

const perCore = (
  state: MonitorState,
  value: (core: MonitorState['cores'][number]) => number | undefined,
  suffix = '',
): Sample[] =>
  state.cores.flatMap((core) => {
    const found = value(core);
    const labels = { core: core.name.replace(/^core/, '') };
    return found === undefined ? [] : [{ suffix, labels, value: found }];
  });

const coreFamilies = (state: MonitorState): Family[] => [
  {
    name: 'velocity_core_ticks',
    type: 'counter',
    help: 'Timer ticks of a core.',
    samples: perCore(state, (core) => core.ticks, '_total'),
  },
  {
    name: 'velocity_core_wakeups',
    type: 'counter',
    help: 'Times that a core woke up from idling.',
    samples: perCore(state, (core) => core.wakeups, '_total'),
  },
  {
    name: 'velocity_core_stack_used_ratio',
    type: 'gauge',
    unit: 'ratio',
    help: 'Largest part of the stack that was in use so far.',
    samples: perCore(state, (core) => core.stack),
  },
];

const counters = (values: Readonly<Record<string, number | bigint>>, label: string): Sample[] =>
  Object.entries(values).map(([name, value]) => ({ suffix: '_total', labels: { [label]: name }, value }));

const boardFamilies = (state: MonitorState): Family[] => [
  {
    name: 'velocity_up',
    type: 'gauge',
    help: '1 while the board answers.',
    samples: [{ value: state.board && !state.down ? 1 : 0 }],
  },
  {
    name: 'velocity_board',
    type: 'info',
    help: 'What the board is and runs.',
    samples: state.board
      ? [
          {
            suffix: '_info',
            labels: { board: state.board.board, version: state.board.version, build: state.board.build },
            value: 1,
          },
        ]
      : [],
  },
  {
    name: 'velocity_reading_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the board was last read.',
    samples: state.time_ms > 0 ? [{ value: state.time_ms / 1000 }] : [],
  },
  {
    name: 'velocity_board_stat',
    type: 'counter',
    help: 'Counters of the board since it started.',
    samples: counters(state.stats, 'stat'),
  },
  {
    name: 'velocity_link_messages',
    type: 'counter',
    help: 'Messages on the line since it was last opened, by outcome.',
    samples: counters(state.health ?? {}, 'outcome'),
  },
  {
    name: 'velocity_line_share',
    type: 'gauge',
    help: 'Share of the line that the latest reading took.',
    samples:
      state.pace && state.pace.period_ms > 0 ? [{ value: state.pace.line_ms / state.pace.period_ms }] : [],
  },
  {
    name: 'velocity_readings_slowed',
    type: 'counter',
    help: 'Readings that came later than asked for, because the line is too slow for more.',
    samples: state.pace ? [{ suffix: '_total', value: state.pace.slowed }] : [],
  },
  {
    name: 'velocity_events',
    type: 'counter',
    help: 'Events seen by this monitor, by kind.',
    samples: counters(state.events, 'kind'),
  },
];

const families = (state: MonitorState): Family[] => {
  const shown = state.down
    ? { ...state, rows: [], cores: [], stats: {}, health: undefined, pace: undefined }
    : state;
  return [...boardFamilies(shown), ...coreFamilies(shown), ...moduleFamilies(shown)];
};

const ofPort =
  (port: string) =>
  (sample: Sample): Sample => ({ ...sample, labels: { port, ...sample.labels } });

const merged = (boards: ReadonlyMap<string, MonitorState>): Family[] => {
  const each = [...boards].map(([port, state]) => ({ port, list: families(state) }));
  return families(emptyState).map((family, i) => ({
    ...family,
    samples: each.flatMap(({ port, list }) => list[i]!.samples.map(ofPort(port))),
  }));
};

/**
 * The whole exposition, of each board by its port. While a board is away only its `velocity_up`, counters of events and what
 * it last was are left.
 */
export const openMetrics = (boards: ReadonlyMap<string, MonitorState>): string =>
  `${merged(boards).map(familyText).join('')}# EOF\n`;

/** The same in Prometheus' text format 0.0.4. */
export const classicMetrics = (boards: ReadonlyMap<string, MonitorState>): string =>
  merged(boards).map(classicText).join('');
