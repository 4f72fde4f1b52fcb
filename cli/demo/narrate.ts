/** Tells the events of the demonstration and of the loop to people, a line each. */

type Event = Readonly<Record<string, unknown>>;
type Narrator = (e: Event) => string;

const proposal: Narrator = (e) => {
  if (e.verdict === 'refused') return `refused   by the host (${e.layer}): ${e.code}: ${e.reason}`;
  return `proposal  from ${e.proposer}: ${e.note}\n          proven: ${e.reason}; worst case ${e.bound_before} → ${e.bound_after} instructions`;
};

const narrators: Readonly<Record<string, Narrator>> = {
  boot: (e) =>
    `boot      ${e.model} (emulated): velocity ${e.version}, ${e.cores} cores, ${e.boot_insns} instructions to ready, ${e.image_bytes} bytes`,
  load: (e) => `load      ${e.module}: ${e.insns} eBPF instructions from ${e.source}`,
  model: (e) => `model     ${e.reason}`,
  telemetry: (e) =>
    `telemetry ${e.module} v${e.version}: ${e.calls} calls, ${e.cycles_per_call} cycles a call (${e.min} to ${e.max}), latest result ${e.last_result}`,
  shift: (e) => `shift     ${e.module}: what it is fed changes, at minute ${Number(e.minute).toFixed(1)}`,
  detect: (e) => `detect    ${e.module}: ${e.reason} (${e.rule})`,
  proposal,
  swap: (e) =>
    `swap      ${e.module} v${e.version} runs as a canary: ${e.insns} instructions, ${e.jit_bytes} bytes of code`,
  promoted: (e) => `promoted  v${e.version}: ${e.cycles_before} → ${e.cycles_after} cycles a call`,
  rollback: (e) =>
    `rollback  v${e.version}, by the board itself: ${e.reason}: ${e.cycles_before} → ${e.cycles_after} cycles a call`,
  refused: (e) => `refused   by the ${e.by}: ${e.code} at instruction ${e.insn}: ${e.reason}`,
  rest: (e) => `rest      ${e.module}: ${e.reason}`,
  summary: (e) =>
    `summary   ${e.ok ? 'all as it should be' : 'NOT as it should be'} on ${e.board}: ${e.cycles_before} → ${e.cycles_after} cycles a call ` +
    `(${e.speedup}×), ${e.missed_ticks} of ${e.ticks} ticks missed, ${e.refused} refused, ${e.rolled_back} rolled back`,
};

export const narrate = (event: Event): string =>
  narrators[String(event.event)]?.(event) ?? `${event.event}  ${JSON.stringify(event)}`;
