/** Shapes of values in a bench file, declared once: they check the file, type the result and print the reference. */

type Common = { readonly doc: string; readonly optional?: boolean };
export type TextField = Common & { readonly type: 'text'; readonly example: string };
export type NumberField = Common & {
  readonly type: 'number';
  readonly min: number;
  readonly max: number;
  /** What holds when it is left out. */
  readonly standard?: number;
};
export type ChoiceField = Common & { readonly type: 'choice'; readonly of: readonly string[] };
/** A map of fields; with `orTrue`, `true` stands for an empty one. */
export type GroupField = Common & { readonly type: 'group'; readonly fields: Fields; readonly orTrue?: true };
/** A map whose entry `by` says which fields go with it. */
export type VariantField = Common & {
  readonly type: 'variant';
  readonly of: Readonly<Record<string, Fields>>;
};
/** A name, or false. */
export type NameOrNoField = Common & { readonly type: 'name or false'; readonly of: readonly string[] };

export type Field = TextField | NumberField | ChoiceField | GroupField | VariantField | NameOrNoField;
export type Fields = Readonly<Record<string, Field>>;

type Optional<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly optional: true } ? K : never;
}[keyof F];

export type ValueOf<S extends Field> = S extends TextField
  ? string
  : S extends NumberField
    ? number
    : S extends ChoiceField
      ? S['of'][number]
      : S extends NameOrNoField
        ? S['of'][number] | false
        : S extends GroupField
          ? GroupOf<S['fields']>
          : S extends VariantField
            ? { [K in keyof S['of']]: { readonly by: K } & GroupOf<S['of'][K]> }[keyof S['of']]
            : never;

export type GroupOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, Optional<F>>]: ValueOf<F[K]>;
} & { readonly [K in Optional<F>]?: ValueOf<F[K]> };

/** Where in the file, from the top: names of map entries. */
export type Path = readonly string[];
export type Problem = { readonly path: Path; readonly text: string };

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (value: unknown) =>
  value === null || value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
};

/** ` (did you mean X?)` for a name that is nearly one of those. */
export const suggestion = (name: string, known: readonly string[]): string => {
  const near = known.filter((other) => distance(name, other) <= Math.max(1, Math.floor(other.length / 3)));
  const best = near.sort((a, b) => distance(name, a) - distance(name, b))[0];
  return best ? ` (did you mean ${best}?)` : '';
};

const checkNumber = ({ min, max }: NumberField, value: unknown, path: Path): Problem[] =>
  typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max
    ? []
    : [{ path, text: `must be a number from ${min} to ${max}, not ${shown(value)}` }];

const checkText = ({ example }: TextField, value: unknown, path: Path): Problem[] =>
  typeof value === 'string' && value !== ''
    ? []
    : [{ path, text: `must be text, for example ${example}, not ${shown(value)}` }];

const checkChoice = (of: readonly string[], value: unknown, path: Path, more = ''): Problem[] =>
  typeof value === 'string' && of.includes(value)
    ? []
    : [
        {
          path,
          text: `must be ${of.join(', ')}${more}, not ${shown(value)}${suggestion(String(value), of)}`,
        },
      ];

/** Everything that is wrong with a map of fields. */
export const checkGroup = (
  fields: Fields,
  value: unknown,
  path: Path,
  also: readonly string[] = [],
): Problem[] => {
  if (!isMap(value)) {
    return [{ path, text: `must be a map with ${Object.keys(fields).join(', ')}, not ${shown(value)}` }];
  }
  const known = [...also, ...Object.keys(fields)];
  const unknown = Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      path: [...path, key],
      text: `is not known here${suggestion(key, known)}; there are ${known.join(', ') || 'none'}`,
    }));
  const missing = Object.entries(fields)
    .filter(([key, field]) => !field.optional && !Object.hasOwn(value, key))
    .map(([key, field]) => ({ path, text: `lacks ${key}: ${field.doc}` }));
  const inner = Object.entries(fields)
    .filter(([key]) => Object.hasOwn(value, key))
    .flatMap(([key, field]) => check(field, value[key], [...path, key]));
  return [...unknown, ...missing, ...inner];
};

const checkVariant = (field: VariantField, value: unknown, path: Path): Problem[] => {
  const kinds = Object.keys(field.of);
  if (!isMap(value))
    return [{ path, text: `must be a map with by: ${kinds.join(' | ')}, not ${shown(value)}` }];
  const problems = checkChoice(kinds, value.by, [...path, 'by']);
  return problems.length > 0 ? problems : checkGroup(field.of[String(value.by)]!, value, path, ['by']);
};

const check = (field: Field, value: unknown, path: Path): Problem[] => {
  switch (field.type) {
    case 'text':
      return checkText(field, value, path);
    case 'number':
      return checkNumber(field, value, path);
    case 'choice':
      return checkChoice(field.of, value, path);
    case 'name or false':
      return value === false ? [] : checkChoice(field.of, value, path, ' or false');
    case 'group':
      return field.orTrue && value === true ? [] : checkGroup(field.fields, value, path);
    case 'variant':
      return checkVariant(field, value, path);
  }
};
