/** Emits a platform as C tables; see kernel-aarch64/bpf/verifier/platform.h for what they mean. Whoever includes them includes that first. */
import {
  type Field,
  type Holds,
  OBJECT_KINDS,
  type ObjectKind,
  type ProgramType,
  type Prototype,
} from './platform.ts';

type Platform = {
  readonly types: Readonly<Record<string, ProgramType>>;
  readonly helpers: readonly Prototype[];
  readonly objects: Readonly<Record<ObjectKind, readonly Field[]>>;
  /** Sets of program types and of map types, by their names in struct bpf_platform. */
  readonly sets: Readonly<Record<string, readonly number[]>>;
};

const mask = (bits: readonly number[] | undefined) =>
  `0x${(bits ?? []).reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n).toString(16)}u`;
const upper = (prefix: string, name: string) => `${prefix}_${name.toUpperCase()}`;
const objectOf = (kind: ObjectKind | undefined) => upper('OBJECT', kind ?? 'none');

const holdsOf = (holds: Holds) => {
  if (typeof holds === 'string') return `${upper('CONTEXT', holds)}, OBJECT_NONE`;
  return `CONTEXT_OBJECT${holds.orNull ? '_OR_NULL' : ''}, ${objectOf(holds.object)}`;
};

const fieldRow = (owner: string, f: Field) =>
  `    {${owner}, ${f.offset}, ${f.bytes}, ${holdsOf(f.holds)}, ${f.reads}, ${f.writes}}, /* ${f.name} */`;

const typeRow = ([name, t]: [string, ProgramType]) => {
  const flags = [
    'TYPE_EXISTS',
    ...(t.packetWrite ? ['TYPE_PACKET_WRITE'] : []),
    ...(t.legacyLoads ? ['TYPE_LEGACY_LOADS'] : []),
    ...(t.exit ? ['TYPE_EXIT_RANGE'] : []),
    ...(t.exit32 ? ['TYPE_EXIT_32'] : []),
    ...(t.silent ? ['TYPE_SILENT'] : []),
    ...(t.objects ? ['TYPE_OBJECTS'] : []),
    ...(t.socket ? ['TYPE_SOCKET'] : []),
    ...(t.member ? ['TYPE_MEMBER'] : []),
    ...(t.plain ? ['TYPE_PLAIN'] : []),
    ...(t.patient ? ['TYPE_PATIENT'] : []),
  ];
  return `    [${t.id}] = {${t.size}, ${flags.join(' | ')}, ${t.exit?.[0] ?? 0}, ${t.exit?.[1] ?? 0}}, /* ${name} */`;
};

const helperRow = (h: Prototype) => {
  const args = Array.from({ length: 5 }, (_, i) => upper('ARG', h.args[i] ?? 'none')).join(', ');
  const flags = h.flags.map((f) => upper('HELPER', f)).join(' | ') || '0';
  return `    [${h.id}] = {true, ${upper('RETURNS', h.returns)}, {${args}}, ${objectOf(h.object)}, ${flags}, ${mask(h.types)}, ${mask(h.maps)}}, /* ${h.name} */`;
};

const table = (type: string, name: string, rows: readonly string[]) =>
  `static const struct ${type} ${name}[] = {\n${rows.join('\n')}\n};`;

export const emitPlatform = (banner: string, prefix: string, platform: Platform): string => {
  const { types, helpers, objects } = platform;
  return [
    `${banner}#pragma once`,
    OBJECT_KINDS.map((kind, i) => `static_assert(${objectOf(kind)} == ${i + 1});`).join('\n'),
    table('program_type', `${prefix}_types`, Object.entries(types).map(typeRow)),
    table('context_field', `${prefix}_fields`, [
      ...Object.values(types).flatMap((t) => t.fields.map((f) => fieldRow(String(t.id), f))),
      ...Object.entries(objects).flatMap(([kind, fields]) =>
        fields.map((f) => fieldRow(`OBJECT_OWNER + ${objectOf(kind as ObjectKind)}`, f)),
      ),
    ]),
    table('helper_prototype', `${prefix}_helpers`, helpers.map(helperRow)),
    `enum : uint64_t {\n${Object.entries(platform.sets)
      .map(([name, bits]) => `    ${prefix}_${name} = ${mask(bits)},\n`)
      .join('')}};`,
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
};
