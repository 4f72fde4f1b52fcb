#include "patch/version.h"
#include "lib/mem.h"
#include "mm/pool.h"
#include "patch/calibrate.h"
#include "telemetry/evidence.h"
#include "telemetry/stats.h"

static enum status add_counters(struct version *version) {
    void *memory = nullptr;
    const enum status status = pool_alloc(sizeof(struct counters) * MAX_CORES, 64, &memory);
    if (status != STATUS_OK) { return status; }
    struct counters *counters = memory;
    for (uint32_t core = 0; core < MAX_CORES; core++) {
        counters_clear(&counters[core], call_overhead());
        version->counters[core] = &counters[core];
    }
    return STATUS_OK;
}

static enum status add_word_table(struct version *version) {
    void *memory = nullptr;
    const enum status status = pool_alloc((version->insns + 1) * sizeof(uint32_t), 16, &memory);
    version->word_of_insn = memory;
    return status;
}

enum status version_make(struct span name, uint32_t insns, struct version **out) {
    void *memory = nullptr;
    enum status status = pool_alloc(sizeof(struct version), 64, &memory);
    if (status != STATUS_OK) { return status; }
    stat_add(STAT_versions_made, 1);
    struct version *version = memory;
    version->insns = insns;
    memcpy(version->name, name.data, name.size);
    version->running.name = version->name;
    status = add_counters(version);
    if (status == STATUS_OK) { status = add_word_table(version); }
    if (status != STATUS_OK) {
        version_free(version);
        return status;
    }
    *out = version;
    return STATUS_OK;
}

/* A crash still tells what its core ran last: not what lies where that was. The core may be running another by now. */
static void forget(const struct running *running) {
    for (uint32_t core = 0; core < MAX_CORES; core++) {
        const struct running *last = running;
        __atomic_compare_exchange_n(&running_module[core], &last, nullptr, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
}

void version_free(struct version *version) {
    if (version == nullptr) { return; }
    forget(&version->running);
    for (uint32_t i = 0; i < version->map_count; i++) { map_release(version->maps[i]); }
    code_free(&version->code);
    pool_free(version->word_of_insn);
    pool_free(version->counters[0]);
    pool_free(version);
    stat_add(STAT_versions_freed, 1);
}

static_assert(JIT_NO_SLOT == EVIDENCE_NO_INSN);

static uint32_t insn_at(const struct version *version, uint64_t addr) {
    const uint64_t offset = addr - version->code.exec_addr;
    if (offset >= (uint64_t)version->words * 4) { return EVIDENCE_NO_INSN; }
    return bpf_jit_slot(version->word_of_insn, version->insns, (uint32_t)(offset / 4));
}

/* A fault inside a helper is charged to the call: its return address is still in x30 unless the helper called on. */
uint32_t version_insn_of(const struct version *version, uint64_t pc, uint64_t link) {
    const uint32_t insn = insn_at(version, pc);
    return insn != EVIDENCE_NO_INSN ? insn : insn_at(version, link - 4);
}

void version_totals(const struct version *version, struct counters_total *out) {
    counters_sum((const struct counters *const *)version->counters, MAX_CORES, out);
}
