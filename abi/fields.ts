/** The field types that records and messages are made of, and the TypeScript shapes they stand for. */

export type Field =
  | { readonly kind: 'u32' }
  | { readonly kind: 'u64' }
  | { readonly kind: 'bool' }
  | { readonly kind: 'text'; readonly max: number }
  | { readonly kind: 'bytes'; readonly max: number };

export type Fields = Readonly<Record<string, Field & { readonly optional?: boolean; readonly doc: string }>>;

export const u32 = (doc: string) => ({ kind: 'u32', doc }) as const;
export const u64 = (doc: string) => ({ kind: 'u64', doc }) as const;
export const bool = (doc: string) => ({ kind: 'bool', doc }) as const;
/** UTF-8 text of at most `max` bytes. */
export const text = (max: number, doc: string) => ({ kind: 'text', max, doc }) as const;
/** At most `max` bytes. */
export const bytes = (max: number, doc: string) => ({ kind: 'bytes', max, doc }) as const;
export const optional = <F extends object>(field: F) => ({ ...field, optional: true }) as const;

type ValueOf<F> = F extends { kind: 'u32' }
  ? number
  : F extends { kind: 'u64' }
    ? bigint
    : F extends { kind: 'bool' }
      ? boolean
      : F extends { kind: 'text' }
        ? string
        : Uint8Array;

type OptionalKeys<T> = { [K in keyof T]: T[K] extends { optional: true } ? K : never }[keyof T];

/** The TypeScript value that a set of fields describes. */
export type RecordOf<T> = { [K in Exclude<keyof T, OptionalKeys<T>>]: ValueOf<T[K]> } & {
  [K in OptionalKeys<T>]?: ValueOf<T[K]>;
};
