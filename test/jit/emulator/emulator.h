#pragma once
/* The executor as a child process under qemu-aarch64, and the memory shared with it. */

#include "world.h"

struct emulator {
    const char *executor; /* path of the AArch64 program */
    struct shared *shared;
    int shared_fd, to, from, pid;
};

/* Ends this program with a message when something of it cannot be had. */
void emulator_open(struct emulator *e, const char *executor);
void emulator_close(struct emulator *e);
/* Runs jobs first..count-1. Returns count, or the job in which the emulation crashed or hung; it is started again then. */
uint32_t emulator_run(struct emulator *e, uint32_t first, uint32_t count);
