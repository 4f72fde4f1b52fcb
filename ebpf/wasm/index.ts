/** The kernel's own verifier, JIT, interpreter and maps, compiled to WebAssembly. */
import { wasmModule } from './build.ts';
import { HostInstance, OutOfTime } from './instance.ts';
import { compileProgram, type JitOptions, type JitResult } from './jit.ts';
import { errorNamed, type LinuxProgram, type Program } from './program.ts';
import { type RunInput, type RunResult, runProgram } from './run.ts';
import { mostOften, type Verdict, type VerifyOptions, verifyProgram } from './verify.ts';

export { BOARD_CHECKER_BYTES } from './certify.ts';
export {
  type CompareOptions,
  type Comparison,
  comparePrograms,
  Reference,
  type Trial,
  type Visits,
} from './compare.ts';
export { type CpuName, cpuFeatures, type JitOptions, type JitResult } from './jit.ts';
export { arrayKey, type MapState } from './map-state.ts';
export type { LinuxProgram, Program, ProgramError } from './program.ts';
export type { Facts } from './proven.ts';
export type { RunInput, RunResult } from './run.ts';
export { vectorSlots } from './vector-price.ts';
export { FACT, type Known, type Verdict, type VerifyOptions } from './verify.ts';

/** Calls are synchronous and independent of each other. */
export class Host {
  readonly #module: WebAssembly.Module;
  #instance: HostInstance | undefined;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** An instance whose program trapped is thrown away: its memory may be damaged. */
  #guard<T>(call: (instance: HostInstance) => T, trapped: (why: string, lateAt?: number) => T): T {
    this.#instance ??= new HostInstance(this.#module);
    try {
      return call(this.#instance);
    } catch (error) {
      this.#instance = undefined;
      if (error instanceof OutOfTime) return trapped(error.message, error.insn);
      if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof RangeError)) throw error;
      return trapped(error.message);
    }
  }

  verify(program: Program | LinuxProgram, options: VerifyOptions = {}): Verdict {
    return this.#guard<Verdict>(
      (instance) => verifyProgram(instance, program, options),
      (why, lateAt) => ({
        ok: false,
        error:
          lateAt === undefined
            ? errorNamed('unknown', `the verifier trapped: ${why}`)
            : errorNamed('budget_exceeded', mostOften(why), lateAt),
        registers: {},
        steps: 0,
        states: 0,
      }),
    );
  }

  /** Verifies, then compiles to A64. */
  jitCompile(program: Program | LinuxProgram, options: JitOptions = {}): JitResult {
    return this.#guard<JitResult>(
      (instance) => compileProgram(instance, program, options),
      (why) => ({ ok: false, error: errorNamed('unknown', `the compiler trapped: ${why}`) }),
    );
  }

  /**
   * Interprets a program. It need not be verified, but only for a verified one do the results mean anything:
   * another one may read and write what it finds, and ends in `module_fault` when it leaves the instance.
   */
  run(program: Program, input: RunInput = {}): RunResult {
    return this.#guard<RunResult>(
      (instance) => runProgram(instance, program, input),
      (why) => ({ ok: false, error: errorNamed('module_fault', why), steps: 0 }),
    );
  }
}

let loading: Promise<Host> | undefined;

/**
 * The host, built on first use.
 * @throws CompileError when it must be built and clang is missing.
 */
export const loadHost = (): Promise<Host> => {
  loading ??= wasmModule().then((module) => new Host(module));
  return loading;
};

export const verify = async (program: Program, options?: VerifyOptions) =>
  (await loadHost()).verify(program, options);
/** The certificate that a patch carries for the board's checker; empty when none is found: then the board infers for itself. */
export const certificateOf = async (program: Program, options?: VerifyOptions): Promise<Uint8Array> => {
  const verdict = await verify(program, options);
  return verdict.ok ? verdict.certificate : new Uint8Array(0);
};
export const jitCompile = async (program: Program | LinuxProgram, options?: JitOptions) =>
  (await loadHost()).jitCompile(program, options);
export const runOnHost = async (program: Program, input?: RunInput) => (await loadHost()).run(program, input);
/** Runs code on a memory, as hook `run` does. */
export const interpret = async (code: Uint8Array, memory: Uint8Array, input: RunInput = {}) =>
  (await loadHost()).run({ code, hook: 'run' }, { ...input, memory });
