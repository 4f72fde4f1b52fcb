/** A strict reader of OpenMetrics 1.0.0 text: refuses whatever the standard does not allow of what is used here. */

export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
export type Family = { readonly name: string; type: string; unit?: string; help?: string; samples: Sample[] };

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  info: ['_info'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
};
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)/y;

const fail = (line: string, why: string): never => {
  throw new Error(`${why}: ${line}`);
};

const labelsOf = (text: string, line: string) => {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text) ?? fail(line, 'bad labels');
    if (match[1]! in labels) fail(line, 'a label stands twice');
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
};

const sampleOf = (line: string): Sample => {
  const [, name, labels, value] = SAMPLE.exec(line) ?? fail(line, 'not a sample');
  return {
    name: name!,
    labels: labelsOf(labels ?? '', line),
    value: Number(value!.replace('Inf', 'Infinity')),
  };
};

const checkHistogram = ({ name, samples }: Family) => {
  const keyOf = ({ labels: { le: _, ...rest } }: Sample) => JSON.stringify(rest);
  for (const key of new Set(samples.map(keyOf))) {
    const group = samples.filter((sample) => keyOf(sample) === key);
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const edges = buckets.map(({ labels }) => Number(labels.le!.replace('Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    if (edges.some((edge, i) => i > 0 && edge <= edges[i - 1]!)) fail(name, 'edges do not rise');
    if (counts.some((count, i) => i > 0 && count < counts[i - 1]!)) fail(name, 'buckets are not cumulative');
    if (edges.at(-1) !== Number.POSITIVE_INFINITY) fail(name, 'no +Inf bucket');
    if (group.find((s) => s.name === `${name}_count`)?.value !== counts.at(-1)) fail(name, 'count differs');
  }
};

const checkFamily = (family: Family) => {
  const { name, type, unit, help, samples } = family;
  if (!help) fail(name, 'no HELP');
  if (unit && !name.endsWith(`_${unit}`)) fail(name, 'the name does not end with its unit');
  const seen = new Set(samples.map((sample) => JSON.stringify([sample.name, sample.labels])));
  if (seen.size !== samples.length) fail(name, 'a sample stands twice');
  if (type === 'counter' && samples.some(({ value }) => value < 0)) fail(name, 'a counter is negative');
  if (type === 'histogram') checkHistogram(family);
};

/** Families by name. @throws Error with the line that is wrong */
export const parseExposition = (text: string): ReadonlyMap<string, Family> => {
  if (!text.endsWith('\n# EOF\n')) fail(text.slice(-40), 'does not end with # EOF');
  const families = new Map<string, Family>();
  let current: Family | undefined;
  for (const line of text.slice(0, -'# EOF\n'.length - 1).split('\n')) {
    const meta = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/.exec(line);
    if (meta?.[1] === 'TYPE') {
      if (families.has(meta[2]!)) fail(line, 'a family stands twice');
      current = { name: meta[2]!, type: meta[3]!, samples: [] };
      families.set(current.name, current);
    } else if (meta) {
      if (!current || meta[2] !== current.name || current.samples.length > 0)
        return fail(line, 'out of place');
      current[meta[1] === 'UNIT' ? 'unit' : 'help'] = meta[3]!;
    } else {
      const sample = sampleOf(line);
      const suffixes = SUFFIXES[current?.type ?? ''] ?? fail(line, 'unknown type');
      if (!suffixes.some((suffix) => sample.name === `${current?.name}${suffix}`)) fail(line, 'of no family');
      current!.samples.push(sample);
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
};
