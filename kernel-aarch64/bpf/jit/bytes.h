#pragma once
/* Loads of bytes and halfwords that wait for what is made of them: clang reads big-endian numbers byte by byte and signed
 * ones through two shifts, which one wider load with REV, or one load with sign, does as well.
 *
 * A value of kind VALUE_BYTES is what such loads give: lane i (bits 8i + 7 : 8i) is zero or the byte at base + offset + n, n
 * being 0..7. Nothing may be stored before it is loaded. */

#include "bpf/jit/value.h"

#define NO_BYTE 0xfu
#define NO_LANES UINT32_MAX

/* imm: the offset in bits 31..0, the lanes in bits 63..32, four each. */
static inline uint32_t lanes_of(const struct value *v) { return (uint32_t)(v->imm >> 32); }
static inline int32_t bytes_offset(const struct value *v) { return (int32_t)v->imm; }
static inline bool is_bytes(const struct jit *j, uint32_t reg) { return j->values[reg].kind == VALUE_BYTES; }

/* Whether the load of the current slot is worth to wait: what reads it next is one of the operations below. */
[[nodiscard]] bool load_waits(const struct jit *j, uint32_t dst, enum a64_size size);

/* Notes a load; false when the address can't be kept. */
[[nodiscard]] bool try_note_load(struct jit *j, uint32_t dst, uint32_t src, int16_t off, enum a64_size size);

/* dst shifted by a constant; false when the result is not bytes in lanes. */
[[nodiscard]] bool try_shift_bytes(struct jit *j, uint32_t dst, uint32_t op, uint32_t by, bool is_wide);

/* dst |= src, src being needed no more. */
[[nodiscard]] bool try_merge_bytes(struct jit *j, uint32_t dst, uint32_t src, bool is_wide);

/* Puts the value into a register. Emits. */
void write_bytes(struct jit *j, const struct value *v, enum a64_reg into);

/* Loads what the instruction reads and can't take as it is. May emit. */
void load_bytes(struct jit *j, uint32_t reg);

/* Loads all that waits, before memory changes. May emit. */
void load_waiting(struct jit *j);
