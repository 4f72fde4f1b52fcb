#pragma once
/* What programs of other platforms have and the board's do not. The kernel's image has none of it. */

#include "bpf/jit/access.h"
#include "bpf/jit/state.h"

/* The address of a function, for a helper that calls it. */
void compile_function_address(struct jit *j, struct insn insn);
/* A legacy packet load, by the helper that Linux calls for it. */
void compile_foreign_packet_load(struct jit *j, struct insn insn);

/* An address of an arena for users. */
void compile_cast_to_user(struct jit *j, struct insn insn);
/* Puts the arena's base into its register, where a function is entered. */
void enter_arena(struct jit *j, uint32_t entry);
/* The address reg + off in an arena, after ensure_reg32(). Emits; may be in SCRATCH. */
struct address arena_address(struct jit *j, uint32_t reg, int16_t off, enum a64_size size);
/* The same in SCRATCH. */
enum a64_reg arena_register(struct jit *j, uint32_t reg, int64_t off);

static inline bool is_in_arena(const struct jit *j) {
#if OTHER_PLATFORMS
    return is_foreign(j) && j->facts->arena[j->slot] & ARENA_ACCESS;
#else
    return (void)j, false;
#endif
}
