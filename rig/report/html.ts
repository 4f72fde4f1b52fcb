/** The report as one page that needs no network: verdicts first, then each board with its tests, plots, console and crash. */
import type { Cause } from '../cause.ts';
import { xml } from './junit.ts';
import { telemetryPlot } from './plot.ts';
import {
  type BoardEnd,
  type BoardLine,
  endOf,
  type Phase,
  phasesOf,
  type Run,
  type TestRecord,
  testsOf,
  type Verdict,
} from './record.ts';

const style = `
:root { color-scheme: light dark; --ok: #15803d; --bad: #b91c1c; --dim: #6b7280; --line: #d1d5db; }
@media (prefers-color-scheme: dark) { :root { --ok: #4ade80; --bad: #f87171; --dim: #9ca3af; --line: #374151; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; } td:last-child { white-space: nowrap; } .said { white-space: normal !important; }
.passed { color: var(--ok); } .failed { color: var(--bad); font-weight: 600; } .skipped, .dim { color: var(--dim); }
.cause { border-left: 4px solid var(--bad); padding: .25rem .75rem; margin: .5rem 0; } .cause p { margin: .2rem 0; }
pre { overflow: auto; max-height: 28rem; border: 1px solid var(--line); padding: .5rem; font-size: 12.5px; line-height: 1.4; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: currentColor; white-space: pre; } svg .axis { stroke: var(--line); } svg .restart { stroke: var(--bad); stroke-dasharray: 4 3; }
code { font-size: .92em; }`;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

const causeBox = (cause: Cause | undefined): string =>
  cause
    ? `<div class="cause"><p><code>${cause.code}</code> ${xml(cause.sentence)}</p>${cause.advice ? `<p class="dim">${xml(cause.advice)}</p>` : ''}</div>`
    : '';

const word = (outcome: string) => `<span class="${outcome}">${outcome}</span>`;

const attempts = ({ attempts: all, retried = '' }: TestRecord) =>
  all.length < 2
    ? ''
    : `<p class="dim">tried ${all.length} times (${xml(retried)})</p><ol>${all
        .map(
          ({ passed, message = '', ms }) =>
            `<li>${word(passed ? 'passed' : 'failed')} after ${seconds(ms)} ${xml(message)}</li>`,
        )
        .join('')}</ol>`;

const testRow = (record: TestRecord): string => {
  const { suite, test, outcome, ms, cause, why = '', log } = record;
  const notes = log.length > 0 ? `<div class="dim">${log.map(xml).join('<br>')}</div>` : '';
  const reason = why ? `<span class="dim">${xml(why)}</span>` : '';
  return `<tr><td>${word(outcome)}</td><td>${xml(suite)}</td><td>${xml(test.replaceAll('_', ' '))}${reason ? ` — ${reason}` : ''}${attempts(record)}${causeBox(cause)}${notes}</td><td>${seconds(ms)}</td></tr>`;
};

const phaseRow = ({ phase, passed, detail, ms, cause }: Phase) =>
  `<tr><td>${word(passed ? 'passed' : 'failed')}</td><td>start</td><td>${phase}: ${xml(detail)}${causeBox(cause)}</td><td>${seconds(ms)}</td></tr>`;

const anchor = (name: string) => encodeURIComponent(name);

const lineText = (line: BoardEnd['link']): string =>
  Object.entries(line)
    .map(([what, count]) => `${what.replaceAll('_', ' ')} ${count.toLocaleString('en')}`)
    .join(', ');

const boardSection = (run: Run, board: BoardLine): string => {
  const { events, consoles } = run;
  const end = endOf(events, board.name);
  const console = consoles[board.name] ?? '';
  const unwanted = end?.starts.filter(({ wanted }) => !wanted) ?? [];
  const restarts =
    unwanted.length > 0
      ? `<p class="failed">restarted by itself ${unwanted.length} times, ${unwanted.map(({ ms }) => `at ${seconds(ms)}`).join(', ')}</p>`
      : '';
  return [
    `<section id="${anchor(board.name)}"><h2>${xml(board.name)} <span class="dim">${board.kind} ${xml(board.board)}${board.twinOf ? `, twin of ${xml(board.twinOf)}` : ''}</span></h2>`,
    end
      ? `<p class="dim">${xml(end.model)}, build <code>${xml(end.build.slice(0, 12))}</code>; ${lineText(end.link)}</p>`
      : '',
    restarts,
    `<table><thead><tr><th>outcome</th><th>suite</th><th>test</th><th>time</th></tr></thead><tbody>${phasesOf(events, board.name).map(phaseRow).join('')}${testsOf(events, board.name).map(testRow).join('')}</tbody></table>`,
    end ? telemetryPlot(end.samples, end.starts) : '',
    end?.crash ? `<h3>Crash record</h3><pre>${xml(end.crash)}</pre>` : '',
    `<details${end && unwanted.length === 0 ? '' : ' open'}><summary>Console, ${console.split('\n').length - 1} lines</summary><pre>${xml(console)}</pre></details></section>`,
  ].join('\n');
};

const verdictRow = ({ board, passed, failed, skipped, retried, cause }: Verdict) =>
  `<tr><td>${word(failed > 0 || passed === 0 ? 'failed' : 'passed')}</td><td><a href="#${anchor(board)}">${xml(board)}</a></td><td class="said">${passed} passed, ${failed} failed, ${skipped} skipped, ${retried} tried again${causeBox(cause)}</td></tr>`;

export const htmlReport = (run: Run): string => {
  const { start, summary } = run;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>velocity rig: ${summary.ok ? 'passed' : 'failed'}</title><style>${style}</style></head>
<body><h1>velocity rig: ${word(summary.ok ? 'passed' : 'failed')}</h1>
<p class="dim">${xml(start.time)}, velocity ${xml(start.version)}, bench ${xml(start.bench)}, suites ${start.suites.join(', ')}, ${seconds(summary.ms)}</p>
<table><tbody>${summary.verdicts.map(verdictRow).join('')}</tbody></table>
${start.boards.map((board) => boardSection(run, board)).join('\n')}
</body></html>
`;
};
