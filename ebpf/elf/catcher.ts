/** The function that catches what a program of Linux throws: named by a tag of the program (libbpf's rules for `exception_callback:`). */
import { BTF_KIND, type Btf } from './btf.ts';
import { type CodeRange, functionAt } from './code-range.ts';
import type { Context } from './context.ts';
import { ElfError } from './error.ts';
import { SHF_EXECINSTR, STT } from './file.ts';

const TAG = 'exception_callback:';

const checkPrototype = (btf: Btf, name: string) => {
  const func = btf.function(name);
  const { parameters, returns } = func ? btf.prototypeOf(func) : { parameters: [], returns: 0 };
  const numbers = [...parameters, returns].map((id) => btf.resolve(id).kind);
  if (parameters.length !== 1 || numbers.some((kind) => kind !== BTF_KIND.int && kind !== BTF_KIND.enum))
    throw new ElfError('bad_btf', `${name}, which catches what is thrown, takes a number and returns one`);
};

/** @throws ElfError when several are named, or one that is not there. */
export const catcherOf = (context: Context, program: string): CodeRange | undefined => {
  const { object, mapTypes } = context;
  const { btf } = mapTypes;
  const func = btf?.function(program);
  const [tag, ...more] = btf && func ? btf.tagsOf(func).filter((t) => t.startsWith(TAG)) : [];
  if (!btf || tag === undefined) return undefined;
  if (more.length > 0) throw new ElfError('bad_btf', `${program} names several functions that catch`);
  const name = tag.slice(TAG.length);
  for (const section of object.sections) {
    if ((section.flags & SHF_EXECINSTR) === 0) continue;
    const symbol = object.symbols
      .get(section.index)
      ?.find((s) => s.name === name && s.type === STT.func && s.global);
    if (!symbol) continue;
    checkPrototype(btf, name);
    return functionAt(object, section, symbol.value);
  }
  throw new ElfError('unresolved_symbol', `${name}, which catches what ${program} throws`);
};
