#pragma once
/* Fills in why something was refused. */

#include "lib/print.h"
#include "patch/service.h"

/* Evaluates to the status, so that refusing is one return statement. */
#define REFUSE(refusal, status, ...) (format((refusal)->message, sizeof((refusal)->message), __VA_ARGS__), (status))
