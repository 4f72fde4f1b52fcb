#pragma once
/* Objects of types that the program itself declares: made by it, owned, and held by lists and trees in map values and in other
 * such objects (Linux, bpf_obj_new(), Documentation/bpf/graph_ds_impl.rst). */

#include "bpf/verifier/argument.h"

/* The object is one of this kind and not null: `map` is its type, as fields of maps have it. */
static inline bool reg_is_own(const struct reg *r) { return OTHER_PLATFORMS && (r->kind == REG_OWN || r->kind == REG_LENT || r->kind == REG_SHARED); }
/* The field where the pointer to a map value or to such an object points to, or null. */
const struct bpf_map_field *field_pointed_at(const struct verifier *v, const struct reg *p);
/* `bytes` at such an object plus off. */
[[nodiscard]] enum status own_access(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int32_t off, uint64_t bytes, uint8_t access);
/* What is loaded of FIELD_OWN in a map value, where RCU protects it or not. */
void own_set_loaded(struct verifier *v, struct reg *dst, const struct bpf_map_field *field, bool is_protected);
/* The type of what each processor has one of, where `type` is that of all of them; else 0. */
uint8_t own_each(const struct verifier *v, uint8_t type);
/* Arguments from ARG_OWN_TYPE on and ARG_PER_CPU, and results from RETURNS_OWN_OR_NULL on. */
[[nodiscard]] enum status own_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call);
[[nodiscard]] enum status own_result(struct verifier *v, struct state *s, struct reg *r0, const struct call *call);
/* The function of r3 orders a tree: it is called with two objects that are lent. */
uint64_t own_pass_ordered(struct verifier *v, const struct state *s, struct reg *args);
