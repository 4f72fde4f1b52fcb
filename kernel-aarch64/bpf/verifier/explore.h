#pragma once
/* The engine that infers: walks every way through the program with step.h, within a budget of instructions. */

#include "bpf/verifier/engine.h"

/* Fills facts and result->bound. Structure and liveness must have been computed. */
[[nodiscard]] enum status explore(struct verifier *v, uint64_t budget);
