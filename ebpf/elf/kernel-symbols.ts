/** What of the kernel a symbol without a section stands for (libbpf, `.ksyms`). */
import { kernelFunctionId } from '../../abi/index.ts';
import { BTF_KIND } from './btf.ts';
import { NOTE } from './core-notes.ts';
import { isComposite, isEnum, type KernelTypes } from './core-types.ts';
import { ElfError } from './error.ts';
import type { ElfSymbol } from './file.ts';
import type { MapTypes } from './map-definitions.ts';

/** Where text of the kernel may lie, in the lower half of an address whose upper half is ones. */
const TEXT_LOW = -0x7f00_0000;

/** What two slots load: halves of an address, and what the types say of it, bits of `NOTE`. */
export type KernelAddress = { readonly low: number; readonly high: number; readonly note: number };

const SOMEWHERE: KernelAddress = { low: TEXT_LOW, high: -1, note: 0 };
const NOWHERE: KernelAddress = { low: 0, high: 0, note: 0 };
/** Only whether the kernel has a function can be asked of its address. */
const THERE: KernelAddress = { low: 1, high: 0, note: 0 };

export class KernelSymbols {
  readonly #btf: MapTypes['btf'];
  readonly #kernel: KernelTypes | undefined;

  /** `kernel`: the one that programs are relocated for, when it is known. Without types no symbol is the kernel's. */
  constructor(btf: MapTypes['btf'], kernel: KernelTypes | undefined) {
    this.#btf = btf;
    this.#kernel = kernel;
  }

  #declared(symbol: ElfSymbol) {
    return symbol.section === 0 ? this.#btf?.variables('.ksyms').get(symbol.name) : undefined;
  }

  /** The number under which the verifier knows this function of the kernel. */
  functionId(symbol: ElfSymbol): number | undefined {
    return this.#declared(symbol)?.kind === BTF_KIND.func ? kernelFunctionId(symbol.name) : undefined;
  }

  /**
   * What two slots load for a function, for a variable, or for what is anywhere in the kernel (`extern const void NAME
   * __ksym`).
   * @throws ElfError kernel_variable
   */
  address(symbol: ElfSymbol): KernelAddress | undefined {
    if (this.functionId(symbol) !== undefined) return THERE;
    const known = this.#declared(symbol);
    if (known?.kind === BTF_KIND.func) return this.#unknownFunction(symbol);
    if (!this.#btf || known?.kind !== BTF_KIND.var) return undefined;
    const { value } = known;
    return this.#btf.resolve(value).kind === 0 ? SOMEWHERE : this.#variable(this.#btf, symbol, value);
  }

  /** One that is not known here may be compared with what a program finds, though not called. */
  #unknownFunction(symbol: ElfSymbol): KernelAddress | undefined {
    const kernel = this.#kernel;
    if (kernel ? kernel.btf.function(symbol.name) : !symbol.weak) return SOMEWHERE;
    return symbol.weak ? NOWHERE : undefined;
  }

  /**
   * `extern struct NAME variable __ksym`: where a variable of the kernel lies. Kernels say where only of those that each
   * processor has, and of none that a program asks for weakly and they do not have.
   */
  #variable(btf: NonNullable<MapTypes['btf']>, symbol: ElfSymbol, declared: number): KernelAddress {
    const kernel = this.#kernel;
    const theirs = kernel?.btf.variable(symbol.name);
    if (kernel && !theirs && symbol.weak) return NOWHERE;
    if (kernel && !theirs) throw new ElfError('kernel_variable', symbol.name);
    const types = theirs && kernel ? kernel.btf : btf;
    const { kind, value } = types.resolve((theirs ?? { value: declared }).value);
    const isNumber = kind === BTF_KIND.int || isEnum(kind) || kind === BTF_KIND.ptr;
    const size = [1, 2, 4, 8].indexOf(kind === BTF_KIND.ptr ? 8 : value);
    if (!isComposite(kind) && (!isNumber || size < 0)) throw new ElfError('kernel_variable', symbol.name);
    return { ...SOMEWHERE, note: NOTE.perCpu * (isComposite(kind) ? 1 : 2 + size) };
  }

  /** @throws ElfError of a symbol that stands for something of the kernel which is not known here. */
  refuse(symbol: ElfSymbol): void {
    const known = this.#declared(symbol);
    if (known?.kind === BTF_KIND.func) throw new ElfError('kfunc_unsupported', symbol.name);
    if (known) throw new ElfError('kernel_variable', symbol.name);
  }
}
