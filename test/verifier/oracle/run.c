#include "run.h"

#include "bpf/interp/interp.h"
#include "bpf/verifier/instruction.h"
#include "bpf/verifier/platform.h"
#include "compile.h"
#include "random.h"
#include "report.h"
#include "ring.h"
#include "sanitizer.h"
#include <string.h>

struct run {
    const struct claim *claim;
    struct places places;
    uint64_t checked;
    uint32_t memory_size, last_pc;
    bool begun;
    uint8_t next[PROGRAM_MAX]; /* state to try first, by instruction */
};

[[noreturn]] static void escape(const struct run *run, uint32_t pc, const char *what, const char *reason) {
    report_finding(run->claim->seed, run->claim->generated, "instruction %u: %s (%s)", pc, what, reason);
}

/* ---- facts ---- */

static void check_facts(const struct run *run, uint32_t pc, const uint64_t regs[11]) {
    struct bpf_insn insn = run->claim->generated->insns[pc];
    uint8_t flags = run->claim->facts->flags[pc];
    uint64_t dst = regs[insn_dst(insn)], src = regs[insn_src(insn) <= 10 ? insn_src(insn) : 0];
    bool is64 = insn_class(insn) == BPF_CLASS_ALU64;
    if ((flags & FACT_REACHED) == 0) { escape(run, pc, "not marked as reached", "facts"); }
    if ((flags & FACT_DST_UPPER_ZERO) != 0 && dst >> 32 != 0) { escape(run, pc, "upper half of dst", "facts"); }
    if ((flags & FACT_SRC_UPPER_ZERO) != 0 && src >> 32 != 0) { escape(run, pc, "upper half of src", "facts"); }
    if ((flags & FACT_SRC_NONZERO) != 0 && (is64 ? src : (uint32_t)src) == 0) { escape(run, pc, "src is zero", "facts"); }
    for (uint32_t i = 0; (flags & FACT_ADDRESS) != 0 && i < run->claim->facts->index_count; i++) {
        const struct bpf_index_fact *index = &run->claim->facts->indexes[i];
        uint64_t number = index->object & INDEX_IN_DST ? dst : src;
        bool odd = (index->object & INDEX_ODD) == INDEX_ODD;
        if (index->slot == pc && !odd && (number > index->most || (number & ~(uint64_t)index->bits) != 0)) { escape(run, pc, "number added to a pointer", "facts"); }
    }
    if (!run->begun) { return; }
    struct bpf_insn last = run->claim->generated->insns[run->last_pc];
    uint8_t last_flags = run->claim->facts->flags[run->last_pc];
    uint32_t next = run->last_pc + 1 + (insn_shapes[last.opcode] == SHAPE_LD_IMM64);
    bool conditional = insn_shapes[last.opcode] == SHAPE_COND_K || insn_shapes[last.opcode] == SHAPE_COND_X;
    if (conditional && last.off != 0) {
        if ((last_flags & FACT_ALWAYS_TAKEN) != 0 && pc == next) { escape(run, run->last_pc, "jump not taken", "facts"); }
        if ((last_flags & FACT_NEVER_TAKEN) != 0 && pc != next) { escape(run, run->last_pc, "jump taken", "facts"); }
    }
    if (pc != next && insn_shapes[last.opcode] != SHAPE_EXIT && (flags & FACT_JUMP_TARGET) == 0) { escape(run, pc, "not marked as target", "facts"); }
}

/* ---- memory ---- */

/* The interpreter has no instructions of other platforms. may_goto: in one run they all jump, in another none does. Loads and stores
 * that are ordered are plain ones where nothing else runs. The address of a function is any number: nothing here takes one. */
static struct bpf_insn as_interpreted(struct bpf_insn insn, bool jumps) {
    if (insn.opcode == PLATFORM_MAY_GOTO) {
        insn.opcode = BPF_CLASS_JMP | BPF_JMP_JA;
        if (!jumps) { insn.off = 0; }
    }
    if (insn_shapes[insn.opcode] == SHAPE_LD_IMM64 && insn_src(insn) == BPF_PSEUDO_IMM64_FUNCTION) { insn.regs &= 15; }
    bool is_atomic = insn_class(insn) == BPF_CLASS_STX && (insn.opcode & 0xe0u) == BPF_MODE_ATOMIC;
    if (is_atomic && atomic_is_ordered(insn.imm)) {
        uint32_t class = insn.imm == PLATFORM_LOAD_ACQUIRE ? BPF_CLASS_LDX : BPF_CLASS_STX;
        insn.opcode = (uint8_t)(class | BPF_MODE_MEM | (insn.opcode & 0x18u));
        insn.imm = 0;
    }
    return insn;
}


static bool lies_in(uint64_t addr, uint64_t bytes, uint64_t from, uint64_t size) { return addr >= from && size >= bytes && addr - from <= size - bytes; }

static bool is_allowed(const struct run *run, uint64_t addr, uint64_t bytes, uint64_t frame_pointer) {
    const struct world *w = the_world();
    uint64_t stack = frame_pointer - BPF_STACK_BYTES;
    if (lies_in(addr, bytes, stack, run->places.stack_top - stack) || lies_in(addr, bytes, run->places.memory, run->memory_size)) { return true; }
    if (run->claim->generated->program.hook == HOOK_PACKET && lies_in(addr, bytes, run->places.context, sizeof(w->context))) { return true; }
    for (uint32_t i = 0; i < VALUE_MAPS * ENTRIES; i++) {
        if (lies_in(addr, bytes, (uintptr_t)w->values + i * VALUE_BYTES, w->value_bytes[i / ENTRIES])) { return true; }
    }
    return false;
}

/* Whatever the states say, no access may leave what the program was lent. */
static void check_access(const struct run *run, uint32_t pc, const uint64_t regs[11]) {
    static const uint8_t sizes[4] = {4, 2, 1, 8}; /* RFC 9669 table 12, by bits 3 and 4 */
    struct bpf_insn insn = as_interpreted(run->claim->generated->insns[pc], false);
    uint32_t class = insn_class(insn);
    if (class != BPF_CLASS_LDX && class != BPF_CLASS_ST && class != BPF_CLASS_STX) { return; }
    uint64_t addr = regs[class == BPF_CLASS_LDX ? insn_src(insn) : insn_dst(insn)] + (uint64_t)(int64_t)insn.off;
    if (!is_allowed(run, addr, sizes[insn.opcode >> 3 & 3], regs[FRAME_POINTER])) { escape(run, pc, "an access outside", "memory"); }
}

static bool is_lent(const struct run *run, uint64_t addr, uint64_t bytes, uint64_t frame_pointer) {
    bool in_context = run->claim->generated->program.hook == HOOK_PACKET && lies_in(addr, 1, run->places.context, sizeof(struct packet_context));
    return bytes != 0 && !in_context && is_allowed(run, addr, bytes, frame_pointer);
}

/* The same of what helpers use, in words of its own: neither in those of the prototypes nor by the states. */
static void check_call(const struct run *run, uint32_t pc, const uint64_t regs[11]) {
    struct bpf_insn insn = run->claim->generated->insns[pc];
    if (insn.opcode != (BPF_CLASS_JMP | BPF_JMP_CALL) || insn_src(insn) != BPF_PSEUDO_CALL_HELPER) { return; }
    uint32_t id = (uint32_t)insn.imm;
    bool is_record = id == HELPER_RINGBUF_OUTPUT, has_map = is_record || id <= HELPER_MAP_DELETE_ELEM;
    uint64_t map = regs[1] - map_cookie(0), fp = regs[FRAME_POINTER];
    if (has_map && (is_record ? map != RING_MAP : map >= VALUE_MAPS)) { escape(run, pc, "a map of another type", "helper"); }
    bool takes_first = id == HELPER_TRACE_PRINTK;
    uint64_t bytes = takes_first ? regs[2] : is_record ? regs[3] : has_map ? run->claim->generated->program.maps[map].key_size : 0;
    if ((has_map || takes_first) && !is_lent(run, regs[takes_first ? 1 : 2], bytes, fp)) { escape(run, pc, "memory that was not lent", "helper"); }
    totals.records += is_record;
    if (id == HELPER_MAP_UPDATE_ELEM && !is_lent(run, regs[3], the_world()->value_bytes[map], fp)) { escape(run, pc, "a value that was not lent", "helper"); }
}

/* ---- runs ---- */

static void observe(void *cookie, uint32_t pc, const uint64_t regs[11]) {
    struct run *run = cookie;
    if (!run->begun) { run->places.stack_top = regs[FRAME_POINTER]; }
    check_facts(run, pc, regs);
    check_access(run, pc, regs);
    check_call(run, pc, regs);
    run->begun = true;
    run->last_pc = pc;
    const struct seen *seen = &run->claim->collected->at[pc];
    if (seen->count > STATES_KEPT) { return; } /* not all were kept */
    const char *reason = "no state";
    uint32_t at = run->next[pc] < seen->count ? run->next[pc] : 0; /* turns of a loop mostly come in the order in which they were seen */
    for (uint32_t i = 0; i < seen->count; i++, at = at + 1 < seen->count ? at + 1 : 0) {
        if (!state_admits(&seen->states[at], &run->places, regs, &reason)) { continue; }
        run->next[pc] = (uint8_t)(at + 1);
        run->checked++;
        return;
    }
    escape(run, pc, "outside every abstract state", reason);
}

uint32_t run_begin(const struct generated *generated, uint64_t seed, uint64_t arguments[2]) {
    const struct bpf_program *program = &generated->program;
    struct random random = {seed ^ 0x5bd1e995};
    struct world *w = the_world();
    bool packet = program->hook == HOOK_PACKET;
    uint32_t size = program->memory_size + (packet ? random_below(&random, 9) * 4 : 0);
    if (packet && random_chance(&random, 10)) { size = random_below(&random, program->memory_size); }
    memset(w, 0, world_bytes(RUN_MEMORY_MAX));
    for (uint32_t i = 0; i < size; i++) { w->memory[i] = random_chance(&random, 30) ? 0 : (uint8_t)random_next(&random); }
    fill_ring(seed);
    for (uint32_t i = 0; i < VALUE_MAPS; i++) {
        w->value_bytes[i] = program->maps[i].value_size;
        for (uint32_t at = 0; at < sizeof(w->values[i]); at += 8) { *(uint64_t *)(void *)(w->values[i] + at) = random_chance(&random, 30) ? 0 : random_next(&random); }
    }
    w->context = (struct packet_context){(uintptr_t)w->memory, (uintptr_t)w->memory + size, random_next(&random), size, 0};
    arguments[0] = packet ? (uintptr_t)&w->context : (uintptr_t)w->memory;
    arguments[1] = packet ? 0 : size;
    return size;
}

static struct interp_environment environment_of(struct run *run) {
    struct interp_environment e = {.observer = observe, .observer_cookie = run};
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { e.helper[i] = world_number; }
    e.helper[HELPER_MAP_LOOKUP_ELEM] = world_lookup;
    e.helper[HELPER_MAP_UPDATE_ELEM] = world_update;
    e.helper[HELPER_MAP_DELETE_ELEM] = world_delete;
    e.helper[HELPER_TRACE_PRINTK] = world_print; /* reads every byte that it was given, so that the sanitizer sees what the verifier let pass */
    e.helper[helper_place(HELPER_RINGBUF_OUTPUT)] = kernel_output;
    describe_maps(e.map_addr, e.map_value_addr);
    return e;
}

static struct places places_of(const struct generated *generated, uint32_t memory_size) {
    const struct world *w = the_world();
    struct places p = {.context = (uintptr_t)&w->context, .memory = (uintptr_t)w->memory, .packet = (uintptr_t)w->memory, .packet_end = (uintptr_t)w->memory + memory_size};
    for (uint32_t i = 0; i < WORLD_MAPS; i++) { p.map[i] = map_cookie(i); }
    for (uint32_t i = 0; i < VALUE_MAPS; i++) {
        p.map_values[i] = (uintptr_t)w->values[i];
        p.value_stride[i] = VALUE_BYTES;
        p.entries[i] = generated->program.maps[i].max_entries;
    }
    return p;
}

uint64_t run_interpreted(const struct claim *claim, uint32_t memory_size, const uint64_t arguments[2], bool may_goto_jumps, uint64_t *r0) {
    struct bpf_insn insns[PROGRAM_MAX];
    struct bpf_program program = claim->generated->program;
    for (uint32_t i = 0; i < program.count; i++) { insns[i] = as_interpreted(program.insns[i], may_goto_jumps); }
    program.insns = insns;
    struct run run = {.claim = claim, .places = places_of(claim->generated, memory_size), .memory_size = memory_size};
    struct interp_environment environment = environment_of(&run);
    struct interp_result result;
    fence_world(memory_size);
    enum status status = bpf_interpret(&program, &environment, arguments[0], arguments[1], claim->bound + 1, &result);
    unfence_world();
    if (status != STATUS_OK) { escape(&run, run.last_pc, "the interpreter stopped", "status"); }
    if (result.steps > claim->bound) { escape(&run, 0, "longer than its bound", "bound"); }
    *r0 = result.r0;
    return run.checked;
}
