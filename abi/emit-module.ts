/** Emits `velocity.h`, the one header that module authors include. */
import { banner } from './emit-c.ts';
import { type Helper, helpers } from './helpers.ts';
import { type Hook, hooks, lineVerdicts, UART_LINE_BYTES, verdicts } from './hooks.ts';
import { lineMaps, MAP_FLAG_READ_ONLY, mapTypes } from './patch.ts';
import { type Vector, vectors } from './vectors.ts';

const context = ([name, hook]: [string, Hook]) =>
  [
    `/* ${hook.doc} */`,
    `struct ${name}_context {`,
    ...hook.context.map((f) => {
      const type = f.holds === 'scalar' ? (f.type === 'u64' ? 'uint64_t ' : 'uint32_t ') : 'uint8_t *';
      return `    ${type}${f.name}; /* ${f.doc} */`;
    }),
    '};',
  ].join('\n');

const helper = ([name, h]: [string, Helper]) =>
  `/* ${h.doc} */\nstatic ${h.c.replace('{}', `const bpf_${name}`)} = (void *)${h.id};`;

const vector = ([name, v]: [string, Vector]) =>
  `/* ${v.doc} */\nstatic ${v.c.replace('{}', `(*const ${name})`)} = (void *)${v.id};`;

const integerTypes = ['INT', 'UINT']
  .flatMap((sign) => [8, 16, 32, 64].map((bits) => [sign, bits] as const))
  .map(([sign, bits]) => `typedef __${sign}${bits}_TYPE__ ${sign.toLowerCase()}${bits}_t;`)
  .join('\n');

const verdictEnum = (name: string, values: Readonly<Record<string, number>>) =>
  [
    `enum ${name}_verdict {`,
    ...Object.entries(values).map(([n, v]) => `    ${name.toUpperCase()}_${n.toUpperCase()} = ${v},`),
    '};',
  ].join('\n');

export const emitModuleHeader = () =>
  `${banner('hooks.ts, abi/helpers.ts, abi/vectors.ts and abi/patch.ts')}#pragma once

#include <stdbool.h>

/* The fixed-width types, without a C library that --target=bpf seldom has. */
${integerTypes}

/* Places a function in a hook (SEC("timer"), SEC("packet")) or a map definition in SEC(".maps"). */
#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#ifndef NULL
#define NULL ((void *)0)
#endif

/* Map definitions in BTF form, as libbpf has them. */
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

/* Logs a line as an event, with up to three values. The helper takes three always: the verifier wants them set. */
#define bpf_printk(fmt, ...) \\
    ({ \\
        static const char text_[] = fmt; \\
        _Static_assert(!velocity_fourth_(0, ##__VA_ARGS__, 1, 0, 0, 0, 0), "bpf_printk takes at most three values"); \\
        velocity_printk_(text_, sizeof(text_), ##__VA_ARGS__, 0L, 0L, 0L); \\
    })
#define velocity_fourth_(text, a, b, c, d, is_there, ...) is_there
#define velocity_printk_(text, size, a, b, c, ...) bpf_trace_printk(text, size, a, b, c)

enum bpf_map_type {
${Object.entries(mapTypes)
  .map(([n, v]) => `    BPF_MAP_TYPE_${n.toUpperCase()} = ${v},`)
  .join('\n')}
};
#define BPF_F_RDONLY_PROG 0x${MAP_FLAG_READ_ONLY.toString(16)}
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

${verdictEnum('packet', verdicts)}

${verdictEnum('line', lineVerdicts)}
#define UART_LINE_BYTES ${UART_LINE_BYTES}

${Object.entries<Hook>(hooks)
  .filter(([, h]) => h.context.length > 0)
  .map(context)
  .join('\n\n')}

${Object.entries<Helper>(helpers).map(helper).join('\n\n')}

/* Vector helpers. Elements are little-endian and may lie at any address; buffers that are written may overlap what is read
 * only where it says so. Counts are numbers of elements; a count of 0 does nothing where nothing else is said. */

${Object.entries(vectors).map(vector).join('\n\n')}

/* GPIO lines of the board, a bit each, 1 when active. Declared once at the top of a module, by the name of one of these maps:
${Object.entries(lineMaps)
  .map(([name, { doc }]) => ` *   GPIO_LINES(${name}); ${doc}`)
  .join('\n')}
 * gpio_lines(&NAME) is their address, which the verifier wants compared with null. */
#define GPIO_LINES(name) \\
    struct { \\
        __uint(type, BPF_MAP_TYPE_ARRAY); \\
        __uint(max_entries, 1); \\
        __type(key, uint32_t); \\
        __type(value, uint64_t); \\
    } name SEC(".maps")

static __always_inline uint64_t *gpio_lines(void *map) {
    uint32_t first = 0;
    return bpf_map_lookup_elem(map, &first);
}
`;
