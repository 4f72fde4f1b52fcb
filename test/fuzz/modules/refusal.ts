/** What a board must say to a patch: the checks in its order (kernel-aarch64/patch/install.c). */
import { hooks } from '../../../abi/index.ts';
import { type Draft, RATIO_MOST, WINDOW_MOST } from './draft.ts';
import { isReadOnly } from './map.ts';
import { slotHooks } from './model.ts';
import type { Program } from './programs.ts';

const isOutside = (value: number | undefined, most: number) =>
  value !== undefined && (value < 1 || value > most);

/** Name of the status that refuses it before the board looks at what it is to do; undefined when none does. */
export const refusalOfEnvelope = ({ options, key, patch, model, start }: Draft): string | undefined => {
  if (isOutside(options.window, WINDOW_MOST) || isOutside(options.ratio, RATIO_MOST))
    return 'invalid_argument';
  if (key !== start.own) return 'unknown_key';
  if (patch.board_class !== start.boardClass) return 'wrong_board';
  if (Buffer.compare(patch.boot, start.boot) !== 0) return 'wrong_boot';
  if (patch.sequence === model.sequence) return 'replayed';
  return patch.sequence < model.sequence ? 'older_sequence' : undefined;
};

/** … because of where it is to run, or instead of what. */
export const refusalOfPlace = ({ patch, module, model }: Draft): string | undefined => {
  const hook = slotHooks.find((name) => hooks[name].id === patch.hook);
  if (!hook) return 'unknown_hook';
  if (patch.cores >= 1 << model.cores) return 'wrong_board';
  if (hook !== 'timer' && patch.cores > 1) return 'bad_patch';
  if (!module) {
    if (patch.parent.length > 0) return 'wrong_parent';
    return model.hasRoom(hook) ? undefined : 'slots_full';
  }
  if (module.watch) return 'canary_running';
  const isSuccessor = Buffer.from(patch.parent).toString('hex') === module.running.sha;
  return module.hook === hook && isSuccessor ? undefined : 'wrong_parent';
};

const writesMaps = ({ maps }: Program) => maps.some((map) => !isReadOnly(map));

/** … because of its maps, or of what it does. */
export const refusalOfProgram = ({ patch, options, module, model, program }: Draft): string | undefined => {
  if (patch.maps.some(({ max_entries }) => max_entries === 0)) return 'bad_map_definition';
  const maps = model.refusalOfMaps(program.maps);
  if (maps) return maps;
  const beside = options.canary && options.shadow ? [program, module?.running.program] : [];
  if (beside.some((one) => !one || writesMaps(one))) return 'invalid_argument';
  if (program.refusal && program.refusal !== 'over_budget') return program.refusal;
  return patch.bound > 0n ? 'bound_mismatch' : program.refusal;
};
