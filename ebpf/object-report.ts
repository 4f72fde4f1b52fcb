/** What `velocity bpf verify|disasm|jit` say about an object file: one row for each function of each program section. */
import { bpf, hooks, type LinuxType, linuxHelperName, statusNamed } from '../abi/index.ts';
import { type DisassembledLine, type DisassemblyOptions, disassemble } from './disassembler.ts';
import {
  ElfError,
  type KernelTypes,
  type LinuxModule,
  type LoadedFunction,
  loadFunctions,
  loadLinuxFunctions,
  type ModuleProgram,
} from './elf/index.ts';
import {
  type Host,
  type JitOptions,
  type JitResult,
  type Known,
  loadHost,
  type Verdict,
  type VerifyOptions,
} from './wasm/index.ts';

export type RowError = {
  /** Stable name, see abi/status.ts. */
  readonly code: string;
  /** Slot that was refused, where it is about one. */
  readonly insn?: number;
  /** Line of C, when the object was compiled with -g. */
  readonly line?: number;
  /** File that the line is of, as the compiler was told. */
  readonly source?: string;
  readonly message: string;
  /** What was known of the instruction's registers before it, where it is about one way through the program. */
  readonly registers?: Readonly<Record<string, string>>;
};

/** An instruction with what is known before it, on whatever way the program comes there. */
export type ExplainedLine = Known & {
  readonly text: string;
  /** Line of C, and its text, when the object was compiled with -g. */
  readonly line?: number;
  readonly source?: string;
};

export type VerifyRow = {
  readonly file: string;
  /** Empty, as is `function`, when the file as a whole was refused. */
  readonly section: string;
  readonly function: string;
  readonly ok: boolean;
  readonly error?: RowError;
  /** Slots of the program, local functions included. */
  readonly insns?: number;
  /** Proven upper bound of executed instructions. */
  readonly bound_insns?: number;
  /** Most abstract states that the analysis held at a time, and instructions that it walked. */
  readonly states?: number;
  readonly steps?: number;
  /** Time that the analysis took. */
  readonly infer_ms?: number;
  /** Size of the certificate; 0 when none was found, and the board would have to infer for itself. */
  readonly certificate_bytes?: number;
  /** eBPF instructions that the checker steps with it: its work, whatever it runs on; 0 without a certificate. */
  readonly check_insns?: number;
  /** Linux: program type that it was judged as. */
  readonly type?: string;
  /** With `explain`: the program, annotated. */
  readonly explain?: readonly ExplainedLine[];
};

export type ObjectOptions = {
  /** Name of the file, for the rows. */
  readonly file?: string;
  /** Whose rules hold. Default: the board's. */
  readonly platform?: 'velocity' | 'linux';
  /** Linux: program type of every function. Default: what sections say. */
  readonly type?: LinuxType;
  /** Linux: the kernel that programs are relocated for. Default: the types they were compiled with. */
  readonly kernel?: KernelTypes;
};

const elfError = (error: ElfError): RowError => ({ code: error.code, message: error.message });

const wholeFile = (file: string, error: unknown): VerifyRow => {
  if (!(error instanceof ElfError)) throw error;
  return { file, section: '', function: '', ok: false, error: elfError(error) };
};

/** On Linux a program may take more than on the board, but never so long that somebody waits. */
const LINUX = { stepBudget: 2_000_000, workspaceBytes: 64 * 1024 * 1024, timeMs: 6000, wallMs: 8000 };

type AnyProgram = ModuleProgram | LinuxModule;

const overBudget = (program: AnyProgram, bound: number): RowError | undefined => {
  if ('type' in program) return undefined;
  const { budget } = hooks[program.hook];
  if (bound <= budget) return undefined;
  const { name, sentence } = statusNamed('over_budget');
  return {
    code: name,
    message: `up to ${bound} instructions, hook ${program.hook} allows ${budget}: ${sentence}`,
  };
};

/** What the kernel does not have stands as a call that no kernel knows; it is named where a run comes there. */
const missingAt = (program: AnyProgram, insn: number | undefined): RowError | undefined => {
  const error = 'missing' in program && insn !== undefined ? program.missing.get(insn) : undefined;
  return error && elfError(error);
};

/** Linux: functions by their names, as whoever wrote the program knows them. */
const named = (program: AnyProgram, message: string): string =>
  'type' in program
    ? message.replace(/\bhelper (\d+)/, (text, id) => linuxHelperName(Number(id)) ?? text)
    : message;

/** Arguments that are not set say nothing of a call, but where that is what is wrong. */
const telling = (registers: Readonly<Record<string, string>>, message: string) =>
  Object.fromEntries(
    Object.entries(registers).filter(
      ([name, text]) => text !== 'not set' || new RegExp(`\\b${name}\\b`).test(message),
    ),
  );

const refusal = (program: AnyProgram, verdict: Verdict): RowError | undefined => {
  if (verdict.ok) return overBudget(program, verdict.bound);
  const { insn } = verdict.error;
  const from = insn === undefined ? undefined : program.lines?.[insn];
  const missing = missingAt(program, insn);
  const message = named(program, verdict.error.message);
  const registers = missing ? {} : telling(verdict.registers, message);
  return {
    ...verdict.error,
    message,
    ...missing,
    ...(from ? { line: from.line, source: from.file } : {}),
    ...(Object.keys(registers).length === 0 ? {} : { registers }),
  };
};

const explained = (program: AnyProgram, known: readonly Known[]): ExplainedLine[] =>
  disassemble(program.code, { helperNames: !('type' in program) }).map(({ slot, text }) => {
    const from = program.lines?.[slot];
    return { ...known[slot]!, text, ...(from ? { line: from.line, source: from.text } : {}) };
  });

const judge = (host: Host, program: AnyProgram, options: VerifyOptions): Verdict => {
  if (!('type' in program)) return host.verify(program, options);
  const judged = program.catcher ? { ...program, catches: 'elsewhere' as const } : program;
  return host.verify(judged, { ...LINUX, ...options });
};

/** Why the function that catches what a program throws is refused, if there is one and it is. */
const refusalOfCatcher = (host: Host, program: AnyProgram, options: VerifyOptions): RowError | undefined => {
  if (!('type' in program) || !program.catcher) return undefined;
  const { catcher } = program;
  const limits = { ...LINUX, ...options, explain: false };
  const error = refusal(catcher, host.verify({ ...catcher, catches: 'itself' }, limits));
  if (!error) return undefined;
  const { insn: _, ...rest } = error; // the row's instructions are those of the program
  return { ...rest, message: `${catcher.name}, which catches what is thrown: ${error.message}` };
};

const verifyProgram = (host: Host, program: AnyProgram, options: VerifyOptions) => {
  const started = performance.now();
  const verdict = judge(host, program, options);
  const took = performance.now() - started;
  const error = refusalOfCatcher(host, program, options) ?? refusal(program, verdict);
  return {
    ok: error === undefined,
    ...(error ? { error } : {}),
    insns: program.code.length / bpf.INSN_BYTES,
    ...(verdict.ok ? { bound_insns: verdict.bound } : {}),
    states: verdict.states,
    steps: verdict.steps,
    infer_ms: Math.round((verdict.ok ? verdict.inferMs : took) * 1000) / 1000,
    ...(verdict.ok ? { certificate_bytes: verdict.certificate.length, check_insns: verdict.checkInsns } : {}),
    ...('type' in program ? { type: program.type } : {}),
    ...(verdict.explanation ? { explain: explained(program, verdict.explanation) } : {}),
  };
};

/** Refusals that say nothing of a program of another type. */
const ofType = /^(unknown_helper|context_(bad_access|out_of_bounds|read_only))$/;

/** Of a program that may have one of several types: as the first that takes it, or else as the first of all; all within the time for one. */
const asAnyType = <R>(
  program: AnyProgram,
  judgeFor: (program: AnyProgram, wallMs: number) => R,
  refusalOf: (result: R) => string | undefined,
): R => {
  const ends = performance.now() + LINUX.wallMs;
  const judgeOne = (one: AnyProgram) => judgeFor(one, Math.max(0, ends - performance.now()));
  const first = judgeOne(program);
  let result = first;
  for (let at = program; 'type' in at && at.otherwise && ofType.test(refusalOf(result) ?? ''); ) {
    try {
      at = at.otherwise();
    } catch (error) {
      if (error instanceof ElfError) break;
      throw error;
    }
    result = judgeOne(at);
    if (refusalOf(result) === undefined) return result;
  }
  return first;
};

const verifyFunction = async (
  file: string,
  f: LoadedFunction<AnyProgram>,
  options: VerifyOptions,
): Promise<VerifyRow> => {
  const row = { file, section: f.section, function: f.name };
  if ('error' in f) return { ...row, ok: false, error: elfError(f.error) };
  const host = await loadHost();
  const verify = (program: AnyProgram, wallMs: number) =>
    verifyProgram(host, program, 'type' in program ? { wallMs, ...options } : options);
  return { ...row, ...asAnyType(f.program, verify, (result) => result.error?.code) };
};

/**
 * A row for each function of the object; bad bytes give a row with an error too.
 * @throws CompileError when the verifier must be built and clang is missing.
 */
export const verifyObject = async (
  object: Uint8Array,
  options: ObjectOptions & VerifyOptions = {},
): Promise<VerifyRow[]> => {
  const file = options.file ?? '';
  let functions: LoadedFunction<AnyProgram>[];
  try {
    functions = options.platform === 'linux' ? loadLinuxFunctions(object, options) : loadFunctions(object);
  } catch (error) {
    return [wholeFile(file, error)];
  }
  return Promise.all(functions.map((f) => verifyFunction(file, f, options)));
};

export type FunctionListing = {
  readonly section: string;
  readonly function: string;
  readonly lines: readonly DisassembledLine[];
};

/**
 * Each loadable function as text.
 * @throws ElfError when the file or one of its functions can't be loaded.
 */
export const disassembleObject = (object: Uint8Array, options: DisassemblyOptions = {}): FunctionListing[] =>
  loadFunctions(object).map((f) => {
    if ('error' in f) throw f.error;
    return { section: f.section, function: f.name, lines: disassemble(f.program.code, options) };
  });

export type JitRow = {
  readonly section: string;
  readonly function: string;
  /** Slots of the program, local functions included; 0 when it could not be loaded. */
  readonly insns: number;
  /** Bytecode; empty when it could not be loaded. */
  readonly code: Uint8Array;
  readonly result: JitResult;
};

const noCode = { insns: 0, code: new Uint8Array() } as const;

/**
 * Each function as the A64 code that the board would run; of an object for Linux, as far as the board can tell: helper
 * calls go to a place within reach, and context accesses stay what they are. A file that can't be loaded is one row with
 * an error, whose section and function are empty.
 * @throws CompileError when the compiler must be built and clang is missing.
 */
export const jitObject = async (
  object: Uint8Array,
  options: ObjectOptions & JitOptions = {},
): Promise<JitRow[]> => {
  const host = await loadHost();
  const linux = options.platform === 'linux';
  let functions: LoadedFunction<AnyProgram>[];
  try {
    functions = linux ? loadLinuxFunctions(object, options) : loadFunctions(object);
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    return [{ section: '', function: '', ...noCode, result: { ok: false, error: elfError(error) } }];
  }
  return functions.map((f) => {
    const row = { section: f.section, function: f.name };
    if ('error' in f) return { ...row, ...noCode, result: { ok: false, error: elfError(f.error) } as const };
    const compile = (program: AnyProgram, wallMs: number) =>
      host.jitCompile(program, linux ? { ...LINUX, wallMs, ...options } : options);
    const { code } = f.program;
    const result = asAnyType(f.program, compile, (r) => (r.ok ? undefined : r.error.code));
    return { ...row, insns: code.length / bpf.INSN_BYTES, code, result };
  });
};
