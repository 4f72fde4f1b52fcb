#pragma once
/* A few commands for people with a terminal. Anything that changes the board goes through SMP. */

#include "lib/span.h"

/* Runs one typed line, or gives it to modules. Returns true if it was a command, or a module took or answered it. What nobody
 * takes and is too long to be a command is ignored without a word: the host may echo our own output back, and no hint of ours
 * may look like a command. */
bool shell_run(struct span line);
