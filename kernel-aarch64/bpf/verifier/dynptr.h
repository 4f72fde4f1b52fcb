#pragma once
/* Dynptrs of other platforms: objects on the program's stack that stand for memory whose size only the kernel knows. */

#include "bpf/verifier/iterator.h"

static inline bool object_is_dynptr(uint8_t kind) { return kind >= OBJECT_DYNPTR_LOCAL && kind <= OBJECT_DYNPTR_XDP; }

/* Argument r points to a place on the stack where a dynptr may be made. */
[[nodiscard]] enum status dynptr_place(struct verifier *v, struct state *s, uint32_t r);
/* Makes one there; of `like`, when that is not null. One of a ring buffer must end before the program does. */
[[nodiscard]] enum status dynptr_make(struct verifier *v, struct state *s, uint32_t r, uint8_t kind, const struct iterator *like);
/* The dynptr that argument r points to. */
[[nodiscard]] enum status dynptr_find(struct verifier *v, struct state *s, uint32_t r, struct iterator *out);
/* Ends one of a ring buffer, with what was made of it. */
[[nodiscard]] enum status dynptr_end(struct verifier *v, struct state *s, const struct iterator *dynptr);
/* r0 becomes `bytes` of its memory, or null. */
[[nodiscard]] enum status dynptr_slice(struct verifier *v, struct state *s, const struct iterator *dynptr, uint64_t bytes, bool reads);
/* Bytes [first, end) of the frame are overwritten. */
[[nodiscard]] enum status dynptr_overwrite(struct verifier *v, struct state *s, struct frame *frame, uint32_t first, uint32_t end);
