/** Writes BTF: of the values of maps, and of the functions of a program (Linux Documentation/bpf/btf.rst). */
import { BTF_KIND } from '../../../ebpf/elf/btf.ts';

const SIGNED = 1 << 24;
export const LINKAGE = { static: 0, global: 1 } as const;

type Member = { readonly name: string; readonly type: number; readonly offset: number };

export class Types {
  readonly #words: number[] = [];
  #strings = '\0';
  #count = 0;
  readonly #known = new Map<string, number>();

  #string(text: string): number {
    if (text === '') return 0;
    const at = this.#strings.length;
    this.#strings += `${text}\0`;
    return at;
  }

  #add(name: string, kind: number, count: number, value: number, ...rest: readonly number[]): number {
    this.#words.push(this.#string(name), (kind << 24) | count, value, ...rest);
    return ++this.#count;
  }

  #once(key: string, make: () => number): number {
    const id = this.#known.get(key) ?? make();
    this.#known.set(key, id);
    return id;
  }

  int(): number {
    return this.#once('int', () => this.#add('int', BTF_KIND.int, 0, 4, SIGNED | 32));
  }

  #char(): number {
    return this.#once('char', () => this.#add('char', BTF_KIND.int, 0, 1, 8));
  }

  bytes(count: number): number {
    const [char, index] = [this.#char(), this.int()];
    return this.#once(`bytes ${count}`, () => this.#add('', BTF_KIND.array, 0, 0, char, index, count));
  }

  struct(name: string, size: number, members: readonly Member[] = []): number {
    return this.#once(`struct ${name}`, () =>
      this.#add(
        name,
        BTF_KIND.struct,
        members.length,
        size,
        ...members.flatMap((m) => [this.#string(m.name), m.type, 8 * m.offset]),
      ),
    );
  }

  /** So many bytes, in a struct. */
  memory(size: number): number {
    return this.struct(`memory${size}`, size, [{ name: 'bytes', type: this.bytes(size), offset: 0 }]);
  }

  pointer(to: number): number {
    return this.#once(`pointer ${to}`, () => this.#add('', BTF_KIND.ptr, 0, to));
  }

  func(
    name: string,
    linkage: number,
    parameters: readonly { readonly type: number; readonly tags?: readonly string[] }[],
  ): number {
    const returns = this.int();
    const list = parameters.flatMap(({ type }, i) => [this.#string(`a${i}`), type]);
    const prototype = this.#add('', BTF_KIND.func_proto, parameters.length, returns, ...list);
    const id = this.#add(name, BTF_KIND.func, linkage, prototype);
    parameters.forEach(({ tags = [] }, i) => {
      for (const tag of tags) this.#add(tag, BTF_KIND.decl_tag, 0, id, i);
    });
    return id;
  }

  section(): Uint8Array {
    const types = new Uint8Array(Uint32Array.from(this.#words).buffer);
    const strings = Buffer.from(this.#strings, 'latin1');
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    [24, 0, types.length, types.length, strings.length].forEach((word, i) => {
      header.writeUInt32LE(word, 4 + 4 * i);
    });
    return Buffer.concat([header, types, strings]);
  }
}
