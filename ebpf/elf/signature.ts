/** What a global function takes, by its types: Linux judges it by nothing else (kernel/bpf/btf.c, btf_prepare_func_args()). */
import { contextNames, type LinuxType, typeTaking } from '../../abi/index.ts';
import { BTF_KIND, type Btf, type BtfType } from './btf.ts';
import { essentialName } from './core-types.ts';
import { ElfError } from './error.ts';

/** In the order of enum bpf_takes in kernel-aarch64/bpf/program.h. */
export const TAKES = [
  'number',
  'context',
  'memory',
  'memory_or_null',
  'address',
  'task',
  'task_or_null',
  'cgroup',
  'cgroup_or_null',
  'dynptr',
  'arena',
] as const;

export type Argument = {
  readonly takes: (typeof TAKES)[number];
  /** Of memory. */
  readonly bytes: number;
};

const MAX_ARGUMENTS = 5;
/** Before a tag of a parameter; libbpf's `__arg_ctx` and its like. */
const TAG = 'arg:';

const number: Argument = { takes: 'number', bytes: 0 };
const context: Argument = { takes: 'context', bytes: 0 };
const dynptr: Argument = { takes: 'dynptr', bytes: 0 };
const arena: Argument = { takes: 'arena', bytes: 0 };
const address: Argument = { takes: 'address', bytes: 0 };

/** Objects of the kernel that a function may be trusted with, as far as more is known of them. */
const OBJECTS = new Map<string, 'task' | 'cgroup'>([
  ['task_struct', 'task'],
  ['cgroup', 'cgroup'],
]);

const isNumber = ({ kind }: BtfType) =>
  kind === BTF_KIND.int || kind === BTF_KIND.enum || kind === BTF_KIND.enum64;

/** Names of typedefs and of the type behind them. */
const namesOf = (btf: Btf, id: number): string[] => {
  const names: string[] = [];
  const last = btf.resolve(id);
  for (let type = btf.type(id); type !== last; type = btf.type(type.value))
    if (type.kind === BTF_KIND.typedef) names.push(btf.name(type));
  return last.kind === BTF_KIND.struct ? [...names, btf.name(last)] : names;
};

const sizeOf = (btf: Btf, id: number): number | undefined => {
  try {
    return btf.sizeOf(id);
  } catch {
    return undefined;
  }
};

class Reader {
  readonly #btf: Btf;
  readonly #func: BtfType;
  readonly #type: LinuxType;

  constructor(btf: Btf, func: BtfType, type: LinuxType) {
    this.#btf = btf;
    this.#func = func;
    this.#type = type;
  }

  #bad(what: string) {
    return new ElfError('global_unsupported', `${this.#btf.name(this.#func)} ${what}`);
  }

  #pointer(to: number, i: number, tags: ReadonlySet<string>): Argument {
    const names = namesOf(this.#btf, to);
    const isContext = contextNames(this.#type).some((name) => names.includes(name));
    const only = (...allowed: string[]) => {
      for (const tag of tags) if (!allowed.includes(tag)) throw this.#bad(`tags argument ${i + 1} as ${tag}`);
    };
    if (tags.has('ctx') || isContext) {
      only('ctx');
      return context;
    }
    if (tags.has('arena')) {
      only('arena');
      return arena;
    }
    if (names.includes('bpf_dynptr')) {
      only();
      return dynptr;
    }
    if (tags.has('trusted')) {
      only('trusted', 'nullable');
      const object = names.flatMap((name) => OBJECTS.get(essentialName(name)) ?? [])[0];
      if (!object) throw this.#bad(`trusts in argument ${i + 1}, of whose type no more is known here`);
      return { takes: tags.has('nullable') ? `${object}_or_null` : object, bytes: 0 };
    }
    if (tags.has('untrusted')) {
      only('untrusted');
      return address;
    }
    only('nonnull');
    const bytes = sizeOf(this.#btf, to);
    if (bytes === undefined) throw this.#bad(`takes a pointer to what has no size as argument ${i + 1}`);
    return { takes: tags.has('nonnull') ? 'memory' : 'memory_or_null', bytes };
  }

  #argument(id: number, i: number): Argument {
    const tags = new Set(
      this.#btf
        .tagsOfParameter(this.#func, i)
        .filter((tag) => tag.startsWith(TAG))
        .map((tag) => tag.slice(TAG.length)),
    );
    const type = this.#btf.resolve(id);
    if (type.kind === BTF_KIND.ptr) return this.#pointer(type.value, i, tags);
    if (tags.size > 0) throw this.#bad(`tags argument ${i + 1}, which is no pointer`);
    if (!isNumber(type)) throw this.#bad(`takes neither a number nor a pointer as argument ${i + 1}`);
    return number;
  }

  read(): Argument[] {
    const { count } = this.#btf.resolve(this.#func.value);
    if (count > MAX_ARGUMENTS) throw this.#bad(`takes ${count} arguments`);
    const { parameters, returns } = this.#btf.prototypeOf(this.#func);
    if (!isNumber(this.#btf.resolve(returns))) throw this.#bad('returns no number');
    return parameters.map((id, i) => this.#argument(id, i));
  }
}

/** The type of a program that takes the place of such a function. */
export const typeReplacing = (btf: Btf, func: BtfType): LinuxType =>
  typeTaking(
    btf.prototypeOf(func).parameters.flatMap((id) => {
      const type = btf.resolve(id);
      return type.kind === BTF_KIND.ptr ? namesOf(btf, type.value) : [];
    }),
  );

/** @throws ElfError with `global_unsupported` for what Linux does not take, or what is not known here. */
export const signatureOf = (btf: Btf, func: BtfType, type: LinuxType): Argument[] =>
  new Reader(btf, func, type).read();
