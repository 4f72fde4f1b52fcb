#pragma once
/* Shifts, masks and extensions as one kind of value: a run of bits, extended, moved (UBFM and SBFM do each in one). */

#include "bpf/jit/state.h"

/* The value as a field, when it is one (a register is the field of all its bits). */
[[nodiscard]] bool try_field(const struct value *v, struct value *field);

/* Each applies an operation to a field; false when the result is not a field any more. A width of 0 says the result is 0. */
[[nodiscard]] bool field_shift_left(struct value *f, uint32_t by);
[[nodiscard]] bool field_shift_right(struct value *f, uint32_t by);
[[nodiscard]] bool field_shift_right_signed(struct value *f, uint32_t by);
[[nodiscard]] bool field_zero_extend(struct value *f, uint32_t bits);
[[nodiscard]] bool field_sign_extend(struct value *f, uint32_t bits);

/* Number of low bits that may be set. */
uint32_t field_bits(const struct value *f);
