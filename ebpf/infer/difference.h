#pragma once
/* How the state that is to wait differs from the one that comes. */

#include "inference.h"
#include "writer.h"

/* Writes the change from `now` to `kept`, which covers it; `more`: CHANGE_NEW, or 0. False, and nothing written, when there is none. */
bool write_change(struct writer *w, struct machine *now, struct machine *kept, uint32_t more);
