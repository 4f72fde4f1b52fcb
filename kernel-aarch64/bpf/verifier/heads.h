#pragma once
/* Instructions that are passed again and again, as often as an iterator has elements or the kernel allows. */

#include "bpf/verifier/snapshot.h"

struct head;
struct heads {
    struct head *first; /* the newest */
    struct state other; /* room for another state */
};

/* Makes the state cover all that came to its instruction with the same iterator (its id, or 0); *covered when one of those
 * covers it: then there is nothing more to walk. */
[[nodiscard]] enum status converge(struct verifier *v, struct state *s, struct heads *heads, uint32_t iterator, bool *covered);
