#pragma once
/* Makes a failing program smaller while it still fails. */

#include "trial.h"

/* Runs one program alone; true when it fails, with the reason in trial->reason. */
bool fails_alone(struct trial *trial, struct emulator *emulator);
void minimise(struct trial *trial, struct emulator *emulator);
