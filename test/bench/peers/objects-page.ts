/** The objects' table for people, and their part of the JIT's page. */

import { inColumns } from '../../../cli/columns.ts';
import { markdown } from '../markdown.ts';
import { table as metricTable } from '../metric.ts';
import { LARGE_INSNS, largeObjects, type ObjectRow, objectMetrics } from './objects.ts';

const cells = (rows: readonly ObjectRow[]): string[][] => [
  ['object', 'programs', 'refused', 'eBPF', 'words', 'words/eBPF'],
  ...rows.map(({ object, programs, refused, insns, words }) => [
    object,
    ...[programs, refused, insns, words].map((value) => value.toLocaleString('en')),
    insns > 0 ? (words / insns).toFixed(3) : '',
  ]),
];

export const objectTable = (rows: readonly ObjectRow[]): string => inColumns(cells(rows));

export const objectSection = (rows: readonly ObjectRow[]): string => `## Real objects

The objects of Debian's libbpf-tools, libxdp1 and xdp-tools for arm64, each once, compiled as \`velocity bpf jit --platform linux\` does: for a Cortex-A72, which has no atomics of one instruction; maps lie 256 MiB from the code, helpers within reach of \`bl\`. Accesses to contexts stay what they are in the bytecode, and calls of map helpers are calls. eBPF instructions that no run comes to, which their read-only data as shipped decides, count nowhere. Those of at least ${LARGE_INSNS} instructions count in the figures: ${largeObjects(rows).length} of ${rows.length}.

${markdown(cells(rows))}

\`\`\`
${metricTable(objectMetrics(rows))}
\`\`\`
`;
