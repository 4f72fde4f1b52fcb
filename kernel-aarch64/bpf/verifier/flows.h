#pragma once

/* Instructions of other platforms after which a program may go on in two ways: callbacks, iterators, may_goto. */

#include "bpf/verifier/step.h"
#include "bpf/verifier/walk.h"

/* Rests one of the two ways and goes on the other; nothing for other flows. *covered (false before) when there is nothing
 * more to walk on it. */
[[nodiscard]] enum status part_flow(struct verifier *v, struct walk *w, enum flow flow, bool *covered);
