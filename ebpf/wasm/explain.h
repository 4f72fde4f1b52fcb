#pragma once
#include "bpf/verifier/state.h"

/* Before each instruction that is walked. */
void explain_note(const struct state *s);
/* Forgets what was noted. */
void explain_clear(void);
