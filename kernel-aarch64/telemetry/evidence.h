#pragma once
/* Why a version was thrown out, kept until the host acknowledges it. Any core, any context. */

#include "gen/abi_status.h"
#include <stdint.h>

#define EVIDENCE_RECORDS 16u
#define EVIDENCE_NO_INSN 0xffffffffu

struct evidence {
    uint32_t id; /* from 1, given by evidence_add() */
    uint32_t version;
    enum status reason;
    uint32_t insn; /* eBPF instruction of a fault; EVIDENCE_NO_INSN when none */
    uint64_t time_ns;
    uint64_t calls;
    uint64_t cycles;
    uint64_t baseline; /* cycles per call of the predecessor; 0 when there was none */
    uint64_t esr;
    uint64_t far;
    uint64_t x[31];
    bool faulted; /* esr, far and x hold something */
    char name[32];
    uint8_t sha[32];
};

/* Keeps a copy. STATUS_POOL_FULL when every record still waits to be acknowledged: nothing is overwritten. */
[[nodiscard]] enum status evidence_add(const struct evidence *evidence);

/* The i-th record that waits, oldest first. STATUS_NO_ENTRY. */
[[nodiscard]] enum status evidence_read(uint32_t i, struct evidence *out);

/* Releases a record; acknowledging twice is STATUS_NO_ENTRY. */
[[nodiscard]] enum status evidence_acknowledge(uint32_t id);
