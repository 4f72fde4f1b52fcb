/** Single runs of hooks as slices, which follow each other on a track of their core. */
import { type HookRun, hooks } from '../../abi/index.ts';
import { begin, end } from './packets.ts';

const hookNames = new Map<number, string>(Object.entries(hooks).map(([name, { id }]) => [id, name]));

/** `offset_ns`: from the board's clock to the trace's. */
export const runSlice = (
  run: HookRun,
  uuid: number,
  module: string,
  offset_ns: bigint,
): readonly Buffer[] => {
  const { hook, cycles, result, faulted, begin_ns, took_ns, version } = run;
  const note = {
    hook: hookNames.get(hook) ?? String(hook),
    cycles,
    ...(faulted ? { fault: 'taken back' } : { result: BigInt.asIntN(64, result) }),
  };
  const start_ns = begin_ns + offset_ns;
  return [begin(start_ns, uuid, `${module} v${version}`, note), end(start_ns + took_ns, uuid)];
};
