#pragma once
/* What loads and stores of contexts, objects and other memory have in common. */

#include "bpf/verifier/step.h"

/* Linux rewrites accesses to the context and to objects: one instruction can't be for them on one way and for other memory on
 * another. */
[[nodiscard]] enum status check_unmixed(struct verifier *v, struct state *s, const struct reg *p, uint32_t r);

/* context.c: through a pointer to the context or to an object. */
[[nodiscard]] enum status load_context(struct verifier *v, struct state *s, struct bpf_insn insn, bool sign_extend);
[[nodiscard]] enum status store_context(struct verifier *v, struct state *s, struct bpf_insn insn);
/* What the kernel keeps there; whole words may be addresses. */
void set_kernel_word(struct reg *dst, uint32_t bytes, bool sign_extend, uint8_t origin);
/* Whether programs of this type write these bytes of the object. */
bool object_is_written(const struct verifier *v, const struct reg *p, int64_t at, uint32_t bytes);
/* What a load by this instruction gives may be gone, or another member of its union: Linux hands it to no helper. */
static inline bool is_untrusted_load(const struct verifier *v, uint32_t pc) { return is_noted(v, pc, NOTE_UNTRUSTED); }
