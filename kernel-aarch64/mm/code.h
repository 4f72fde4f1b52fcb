#pragma once
/* Memory for compiled modules: 1 MiB, written through one mapping and executed through another, never both at once.
 * It lies within 128 MiB of the kernel's text, so `bl` reaches the helpers. Called on core 0 outside interrupt context. */

#include "gen/abi_status.h"
#include "mm/use.h"
#include <stdint.h>

#define CODE_POOL_BYTES (1024u * 1024u)

#define CODE_BLOCK_BYTES 256u

struct code_area {
    uint32_t *write;    /* writable, not executable */
    uint64_t exec_addr; /* executable, not writable */
    uint32_t size_bytes;
};

/* STATUS_POOL_FULL when no gap is large enough, STATUS_INVALID_ARGUMENT for size 0. Contents are undefined. */
[[nodiscard]] enum status code_alloc(uint32_t size_bytes, struct code_area *out);

/* Makes what was written executable: on this core at once, on another after its next exception (cores_fetch_anew). No core may
 * be inside older code of the same area. */
void code_publish(const struct code_area *area);

/* Makes one instruction of all that is there, also under a core that runs it: it should be one that faults. Any core. */
void code_withdraw(const struct code_area *area, uint32_t instruction);

/* The caller makes sure that no core can still run it (quiescent_wait). */
void code_free(struct code_area *area);

[[nodiscard]] struct memory_use code_use(void);

/* True for an address in the executable mapping. From any core and context. */
[[nodiscard]] bool code_contains(uint64_t addr);
