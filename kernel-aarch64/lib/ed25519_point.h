#pragma once
/* Points of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032 §5.1), in extended coordinates:
 * x = X/Z, y = Y/Z, x y = T/Z (Hisil, Wong, Carter, Dawson: "Twisted Edwards Curves Revisited", 2008). */

#include "lib/ed25519_field.h"
#include "lib/ed25519_scalar.h"
#include <stdint.h>

struct point {
    struct field x, y, z, t; /* all tight */
};

/* RFC 8032 §5.1.3. False when the bytes are no point, or not its canonical encoding. */
[[nodiscard]] bool point_load(struct point *out, const uint8_t bytes[32]);
void point_store(uint8_t bytes[32], const struct point *a);

void point_negate(struct point *out, const struct point *a);

/* True when [8]a is the neutral element. */
[[nodiscard]] bool point_has_small_order(const struct point *a);

/* [s]B + [k]a, where B is the base point; without t. */
void point_multiply_add(struct point *out, const struct scalar *s, const struct scalar *k, const struct point *a);
