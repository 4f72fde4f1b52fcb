/** Why a model can't be used. Commands end with the exit code named in `exit`. */
import { engineHint } from './engine.ts';

export type ModelProblem =
  | 'missing'
  | 'not_gguf'
  | 'truncated'
  | 'unsupported'
  | 'too_large'
  | 'crashed'
  | 'timeout'
  | 'no_engine';

const advice: Record<ModelProblem, string> = {
  missing: 'give the path of a GGUF file, or go on without a model',
  not_gguf: 'give a file in GGUF format',
  truncated: 'download it again',
  unsupported: 'take a model of another architecture or a newer release of node-llama-cpp',
  too_large: 'take a smaller model, or one with fewer bits a weight',
  crashed: 'the file may be damaged: download it again, or take a smaller model',
  no_engine: `install it: ${engineHint()}`,
  timeout: 'take a smaller model or allow more time',
};

export class ModelError extends Error {
  override name = 'ModelError';
  readonly problem: ModelProblem;
  readonly path: string;
  /** Name of the exit code that a command ends with. */
  readonly exit = 'no_model';

  constructor(problem: ModelProblem, path: string, what: string, options?: ErrorOptions) {
    super(`model ${path}: ${what}; ${advice[problem]}`, options);
    this.problem = problem;
    this.path = path;
  }
}
