/* Control flow: blocks, loops in the shapes compilers and people give them, blocks out of line, and jumps to anywhere. Long, since
 * all of it draws from one sequence of random numbers, which seeds replay. */

#include "maker.h"

static void make_statements(struct maker *m, uint32_t count);

void add_label(struct maker *m) {
    if (m->label_count < LABELS) { m->labels[m->label_count++] = m->count; }
}

static void jump_back(struct maker *m, uint32_t opcode, uint32_t dst, uint32_t src, int32_t imm, uint32_t to) {
    emit(m, opcode, dst, src, (int32_t)to - (int32_t)m->count - 1, imm);
}

/* Counts one up and jumps back while it is below the limit: holds wherever the counter starts. `counter` below 10 is a
 * register, from 10 on a place on the stack. */
static void emit_counted_jump(struct maker *m, uint32_t counter, uint32_t limit, uint32_t to) {
    uint32_t reg = counter;
    int32_t at = COUNTERS_AT + 8 * (int32_t)(counter - 10);
    if (counter >= 10) {
        reg = target(m);
        emit(m, MEM(LDX, BPF_SIZE_DW), reg, 10, at, 0);
    }
    emit(m, (chance(m, 80) ? ALU64(ADD) : ALU(ADD)) | K, reg, 0, 0, 1 + (int32_t)below(m, 8) / 7);
    if (counter >= 10) { emit(m, MEM(STX, BPF_SIZE_DW), 10, reg, at, 0); }
    if (counter < 10) { maybe_label(m, 10); }
    uint32_t class = chance(m, 60) ? BPF_CLASS_JMP : BPF_CLASS_JMP32;
    bool is_signed = chance(m, 40);
    if (chance(m, 30)) { /* as clang ends loops */
        emit(m, class | (is_signed ? BPF_JMP_JSGE : BPF_JMP_JGE) | K, reg, 0, 1, (int32_t)limit);
        if (chance(m, 20)) {
            emit(m, BPF_CLASS_JMP32 | BPF_JMP_JA, 0, 0, 0, (int32_t)to - (int32_t)m->count - 1);
        } else {
            jump_back(m, JMP(JA), 0, 0, 0, to);
        }
    } else if (chance(m, 25)) {
        jump_back(m, class | (is_signed ? BPF_JMP_JSLE : BPF_JMP_JLE) | K, reg, 0, (int32_t)limit - 1, to);
    } else {
        jump_back(m, class | (is_signed ? BPF_JMP_JSLT : BPF_JMP_JLT) | K, reg, 0, (int32_t)limit, to);
    }
}

static uint32_t any_counter(struct maker *m) {
    uint32_t which = below(m, m->counter_count + m->stack_counters);
    return which < m->counter_count ? m->counters[which] : 10 + which - m->counter_count;
}

static bool is_counting(const struct maker *m, uint32_t counter) {
    for (uint32_t i = 0; i < m->depth; i++) {
        if (m->loops[i].counter == counter) { return true; }
    }
    return counter == m->fuel;
}

/* One for a loop, mostly not that of a loop around it. */
static uint32_t choose_counter(struct maker *m) {
    uint32_t counter = any_counter(m);
    for (uint32_t i = 0; i < 4 && is_counting(m, counter); i++) { counter = any_counter(m); }
    return counter;
}

/* One for a jump to anywhere: never set back, or such a jump could be taken for ever. */
static uint32_t choose_fuel(struct maker *m) { return chance(m, 95) ? m->fuel : choose_counter(m); }

static void clear_counter(struct maker *m, uint32_t counter) {
    if (counter >= 10) {
        emit(m, MEM(ST, BPF_SIZE_DW), 10, 0, COUNTERS_AT + 8 * (int32_t)(counter - 10), 0);
    } else {
        emit(m, chance(m, 50) ? ALU64(MOV) | K : ALU(MOV) | K, counter, 0, 0, (int32_t)below(m, 2));
    }
}

static void make_any_jump_back(struct maker *m) {
    if (m->label_count == 0) { return; }
    uint32_t near = m->label_count > 12 && chance(m, 80) ? 12 : m->label_count;
    uint32_t to = m->labels[m->label_count - 1 - below(m, near)], over = chance(m, 60) ? emit_condition(m) : UINT32_MAX;
    emit_counted_jump(m, choose_fuel(m), 2 + below(m, 5), to);
    if (over != UINT32_MAX) { land(m, over); }
}

/* A register counted down: only where nothing jumps in. */
static void make_loop_down(struct maker *m) {
    uint32_t counter = target(m);
    emit(m, ALU64(MOV) | K, counter, 0, 0, 1 + (int32_t)below(m, 6));
    uint32_t top = m->count, labels = m->label_count;
    m->reserved |= 1u << counter;
    bool wild = m->wild;
    m->wild = false;
    make_statements(m, 1 + below(m, 6));
    m->wild = wild;
    m->reserved &= ~(1u << counter);
    m->label_count = labels;
    emit(m, (chance(m, 60) ? ALU64(ADD) : ALU(ADD)) | K, counter, 0, 0, -1);
    uint32_t class = chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32;
    switch (below(m, 3)) {
    case 0: return jump_back(m, class | BPF_JMP_JNE | K, counter, 0, 0, top);
    case 1: return jump_back(m, class | BPF_JMP_JSGT | K, counter, 0, 0, top);
    default:
        emit(m, class | BPF_JMP_JEQ | K, counter, 0, 1, 0);
        jump_back(m, JMP(JA), 0, 0, 0, top);
    }
}

static void make_loop(struct maker *m) {
    if (m->depth >= 4 || (!m->wild && chance(m, 60))) {
        if (m->depth < 4 && __builtin_popcount(m->reserved & 0x3ff) < 7) {
            m->loops[m->depth++].counter = UINT32_MAX;
            make_loop_down(m);
            m->depth--;
        }
        return;
    }
    struct loop_open *loop = &m->loops[m->depth++];
    uint32_t counter = choose_counter(m), first_label = m->label_count;
    if (chance(m, 85)) { clear_counter(m, counter); }
    uint32_t into = chance(m, 25) ? emit(m, JMP(JA), 0, 0, 0, 0) : UINT32_MAX; /* begins in the middle or at the test */
    *loop = (struct loop_open){m->count, counter, 2 + below(m, 5)};
    add_label(m);
    make_statements(m, 1 + below(m, 5));
    if (into != UINT32_MAX) {
        land(m, into);
        add_label(m);
        if (chance(m, 50)) { make_statements(m, 1 + below(m, 3)); }
    }
    if (chance(m, 25)) { /* a second latch */
        uint32_t over = emit_condition(m);
        emit_counted_jump(m, counter, loop->limit, loop->top);
        land(m, over);
        make_statements(m, 1 + below(m, 2));
    }
    emit_counted_jump(m, counter, loop->limit, loop->top);
    m->depth--;
    if (!m->wild || !chance(m, 30) || m->label_count <= first_label) { return; }
    make_statements(m, below(m, 3)); /* and from behind its end back into it */
    uint32_t to = m->labels[first_label + below(m, m->label_count - first_label)];
    uint32_t over = chance(m, 60) ? emit_condition(m) : UINT32_MAX;
    emit_counted_jump(m, choose_fuel(m), 2 + below(m, 4), to);
    if (over != UINT32_MAX) { land(m, over); }
}

static void make_if(struct maker *m) {
    uint32_t jump = emit_condition(m);
    m->loops[m->depth++].counter = UINT32_MAX;
    make_statements(m, 1 + below(m, 4));
    if (chance(m, 40)) {
        uint32_t end = emit(m, JMP(JA), 0, 0, 0, 0);
        land(m, jump);
        add_label(m);
        make_statements(m, 1 + below(m, 4));
        jump = end;
    }
    land(m, jump);
    m->depth--;
}

/* A jump to a later statement, or to a block out of line that comes back. */
static void make_pending(struct maker *m) {
    if (m->pending_count == PENDING) { return; }
    struct jump *jump = &m->pending[m->pending_count++];
    jump->outlined = chance(m, 50);
    jump->slot = emit_condition(m);
    jump->back_to = m->count;
    if (jump->outlined && chance(m, 30)) {
        make_alu(m);
        jump->back_to = chance(m, 50) ? m->count : jump->back_to;
    }
}

static void flush_outlined(struct maker *m, bool fallen_into) {
    uint32_t over = fallen_into ? emit(m, JMP(JA), 0, 0, 0, 0) : 0, kept = 0;
    for (uint32_t i = 0; i < m->pending_count; i++) {
        struct jump jump = m->pending[i];
        if (!jump.outlined) {
            m->pending[kept++] = jump;
            continue;
        }
        land(m, jump.slot);
        for (uint32_t n = below(m, 4); n-- > 0;) { chance(m, 60) ? make_alu(m) : make_access(m); }
        jump_back(m, JMP(JA), 0, 0, 0, jump.back_to);
    }
    m->pending_count = kept;
    if (fallen_into) { land(m, over); }
}

static bool has_outlined(const struct maker *m) {
    for (uint32_t i = 0; i < m->pending_count; i++) {
        if (m->pending[i].outlined) { return true; }
    }
    return false;
}

void land_pending(struct maker *m, uint32_t percent) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->pending_count; i++) {
        if (!m->pending[i].outlined && chance(m, percent)) {
            land(m, m->pending[i].slot);
        } else {
            m->pending[kept++] = m->pending[i];
        }
    }
    m->pending_count = kept;
}

/* A jump around a block that is never gone around, or always: dead code on one side. */
static void make_decided(struct maker *m) {
    uint32_t reg = target(m);
    emit(m, ALU64(MOV) | K, reg, 0, 0, (int32_t)below(m, 5));
    uint32_t jump = emit(m, (chance(m, 50) ? JMP(JLT) : BPF_CLASS_JMP32 | BPF_JMP_JSGT) | K, reg, 0, 0, (int32_t)below(m, 5));
    make_statements(m, 1 + below(m, 2));
    land(m, jump);
}

/* Tests of bits over more than TBZ reaches, 32 KiB: forward over all of it, and back. */
static void make_far(struct maker *m) {
    uint32_t counter = target(m), jump = emit(m, JMP(JSET) | K, number(m), 0, 0, (int32_t)(1u << below(m, 31)));
    emit(m, ALU64(MOV) | K, counter, 0, 0, 3);
    m->reserved |= 1u << counter;
    uint32_t top = m->count, slots = 2900 + below(m, 700);
    while (m->count < top + slots) { emit(m, MEM(ST, BPF_SIZE_DW), m->memory, 0, 8 * (int32_t)below(m, 60), 0x12345678 + (int32_t)m->count * 77); }
    m->reserved &= ~(1u << counter);
    emit(m, ALU64(RSH) | K, counter, 0, 0, 1);
    jump_back(m, JMP(JSET) | K, counter, 0, 1, top);
    land(m, jump);
}

static void make_statement(struct maker *m) {
    if (chance(m, 25)) { m->hot = below(m, 1024) & below(m, 1024); }
    switch (below(m, 45)) {
    case 44: return make_record(m);
    case 43:
    case 42:
    case 41: return make_aimed(m);
    case 40:
    case 39: return make_ahead(m);
    case 38:
    case 37: return make_entered(m);
    case 36: return make_products(m);
    case 35: return make_choice(m);
    case 34: return make_bulk(m);
    case 33: return make_copying(m);
    case 26: return make_spill(m);
    case 27:
    case 28: return make_bytes(m);
    case 29: return make_signed_load(m);
    case 30: return make_rotation(m);
    case 31:
    case 32: return make_counting(m);
    case 0:
    case 1:
    case 2:
    case 3: return make_if(m);
    case 4:
    case 5: return make_loop(m);
    case 6: return m->wild ? make_any_jump_back(m) : make_alu(m);
    case 7:
    case 8: return make_pending(m);
    case 9: return has_outlined(m) ? flush_outlined(m, true) : make_alu(m);
    case 10: return make_decided(m);
    case 11: return m->atomics ? make_atomic(m) : make_access(m);
    case 12: return make_helper(m);
    case 13: return make_call(m);
    case 14: return make_map_value(m);
    case 15:
    case 16:
    case 17:
    case 18:
    case 19: return make_access(m);
    default: return make_alu(m);
    }
}

static void make_statements(struct maker *m, uint32_t count) {
    for (uint32_t i = 0; i < count && !full(m) && m->depth < 7; i++) {
        add_label(m);
        land_pending(m, 20);
        make_statement(m);
    }
}

/* ---- functions ---- */

static uint32_t unreserved(struct maker *m, uint32_t low) {
    uint32_t r;
    do { r = low + below(m, 10 - low); } while (m->reserved >> r & 1);
    return r;
}

static void choose_roles(struct maker *m) {
    m->reserved = 0;
    m->label_count = m->pending_count = m->depth = 0;
    m->pointer = 10;
    m->hot = 0x3ff;
    m->whole = chance(m, 60) ? 0 : chance(m, 50) ? 4 : 8;
    m->memory = m->calls ? 6 + below(m, 4) : 1 + below(m, 9);
    m->reserved |= 1u << m->memory;
    m->alias = 10;
    if (chance(m, 30)) {
        m->alias = unreserved(m, m->calls ? 6 : 1);
        m->reserved |= 1u << m->alias;
    }
    m->counter_count = below(m, m->calls ? 3 : 4);
    for (uint32_t i = 0; i < m->counter_count; i++) {
        m->counters[i] = unreserved(m, m->calls ? 6 : 0);
        m->reserved |= 1u << m->counters[i];
    }
    m->stack_counters = 1 + below(m, STACK_COUNTERS);
    m->fuel = any_counter(m);
}

/* What is added to r10: where the numbers are, or the lowest place of the frame, which in a leaf is the stack pointer. */
static int32_t place_on_stack(struct maker *m) {
    if (chance(m, 70)) { return NUMBERS_AT + 8 * (int32_t)below(m, 4); }
    return chance(m, 50) ? COUNTERS_AT : -(int32_t)BPF_STACK_BYTES;
}

static void begin_alias(struct maker *m) {
    if (m->alias == 10) { return; }
    bool on_stack = chance(m, 40) && !m->whole;
    int32_t by = on_stack ? place_on_stack(m) : (int32_t)below(m, 100);
    emit(m, ALU64(MOV) | X, m->alias, on_stack ? 10 : m->memory, 0, 0);
    emit(m, ALU64(ADD) | K, m->alias, 0, 0, by);
    m->alias_low = on_stack ? NUMBERS_AT - by : -by;
    m->alias_bytes = on_stack ? 8 * STACK_SLOTS : (int32_t)m->memory_size;
}

/* A loop that begins where the function begins: r2 is a number there, and r1 stays what it is. */
static void make_loop_at_entry(struct maker *m) {
    uint32_t entry = m->count, limit = (m->function == 0 ? m->memory_size : 0) + 1 + below(m, 5);
    if (chance(m, 50)) {
        emit(m, ALU64(MOV) | X, 4, 2, 0, 0);
        emit(m, ALU64(MUL) | K, 4, 0, 0, random_imm(&m->random));
        if (chance(m, 50)) { emit(m, MEM(STX, BPF_SIZE_W), 1, 4, 8, 0); }
    }
    emit(m, ALU64(ADD) | K, 2, 0, 0, 1);
    jump_back(m, (chance(m, 50) ? JMP(JLE) : JMP(JLT)) | K, 2, 0, (int32_t)limit, entry);
    if (chance(m, 50)) { emit(m, MEM(STX, BPF_SIZE_DW), 1, 2, 16, 0); }
}

static void begin_function(struct maker *m) {
    if (chance(m, 15)) { make_loop_at_entry(m); }
    if (m->memory != 1) { emit(m, ALU64(MOV) | X, m->memory, 1, 0, 0); }
    begin_alias(m);
    for (int32_t at = COUNTERS_AT; at < 0; at += 8) {
        bool counts = at < NUMBERS_AT;
        emit(m, MEM(ST, counts ? BPF_SIZE_DW : number_size(m)), 10, 0, at, counts ? 0 : random_imm(&m->random));
    }
    for (uint32_t r = 0; r < 10; r++) {
        if (m->reserved >> r & 1) { continue; }
        if (chance(m, 70)) {
            emit(m, MEM(LDX, BPF_SIZE_DW), r, m->memory, 8 * (int32_t)below(m, 16), 0);
        } else {
            emit_number(m, r);
        }
    }
    for (uint32_t i = 0; i < m->counter_count; i++) { emit(m, ALU64(MOV) | K, m->counters[i], 0, 0, 0); }
}

/* What the function gives back depends on what it leaves in its registers and on its stack; not on all of it, so that
 * some of it is dead. */
static void end_function(struct maker *m) {
    uint32_t keep = chance(m, 50) ? 0x3ff : below(m, 1024), stack = chance(m, 40) ? 0xff : below(m, 256);
    land_pending(m, 100);
    for (uint32_t r = 1; r < 10; r++) {
        if (!(keep >> r & 1) || r == m->memory || r == m->alias) { continue; }
        emit(m, ALU64(MUL) | K, 0, 0, 0, 31);
        emit(m, ALU64(ADD) | X, 0, r, 0, 0);
    }
    uint32_t through = m->memory == 9 ? 8 : 9;
    for (uint32_t i = 0; i < STACK_SLOTS; i++) {
        if (!(stack >> i & 1)) { continue; }
        emit(m, MEM(LDX, number_size(m)), through, 10, NUMBERS_AT + 8 * (int32_t)i, 0);
        emit(m, ALU64(XOR) | X, 0, through, 0, 0);
        if (chance(m, 50)) { emit(m, ALU64(MUL) | K, 0, 0, 0, 33); }
    }
    emit(m, JMP(EXIT), 0, 0, 0, 0);
    flush_outlined(m, false);
}

static uint32_t statement_budget(struct maker *m, bool large) {
    if (large && chance(m, 30)) { return 3000; }
    return chance(m, 70) ? 1 + below(m, 9) : 1 + below(m, 40);
}

static void choose_program(struct maker *m, bool large) {
    m->calls = chance(m, 40);
    m->maps = chance(m, 40);
    m->atomics = chance(m, 50);
    m->wild = chance(m, 75) && !large;
    m->functions = m->calls && !large && chance(m, 60) ? 2 + below(m, FUNCTIONS - 1) : 1;
    m->memory_size = chance(m, 93) ? 640 : MEMORY_MAX;
}

static void resolve_calls(struct maker *m, const uint32_t entries[FUNCTIONS]) {
    for (uint32_t i = 0; i < m->call_count; i++) {
        uint32_t slot = m->call_slots[i];
        if (slot < MAX_PROGRAM_INSNS) { m->out->insns[slot].imm = (int32_t)entries[m->call_targets[i]] - (int32_t)slot - 1; }
    }
}

void describe_program(struct generated *out, uint32_t count, uint32_t memory_size) {
    out->maps[ARRAY_MAP] = (struct bpf_map_shape){.type = MAP_TYPE_ARRAY, .key_size = 4, .value_size = VALUE_BYTES, .max_entries = ENTRIES};
    out->maps[HASH_MAP] = (struct bpf_map_shape){.type = MAP_TYPE_HASH, .key_size = 8, .value_size = VALUE_BYTES, .max_entries = ENTRIES};
    out->maps[RING_MAP] = (struct bpf_map_shape){.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = RING_BYTES};
    out->program = (struct bpf_program){.insns = out->insns, .count = count, .hook = HOOK_RUN, .maps = out->maps, .map_count = WORLD_MAPS, .memory_size = memory_size};
}

void generate(uint64_t seed, struct generated *out) {
    struct maker m = {.random = {seed * 0x9e3779b97f4a7c15u ^ 0x1234567}, .out = out};
    bool large = below(&m, 500) == 0;
    uint32_t entries[FUNCTIONS] = {0};
    choose_program(&m, large);
    for (m.function = 0; m.function < m.functions; m.function++) {
        entries[m.function] = m.count;
        m.limit = large ? MAX_PROGRAM_INSNS - 120 : m.count + 400;
        choose_roles(&m);
        begin_function(&m);
        uint32_t statements = statement_budget(&m, large), before = below(&m, statements);
        make_statements(&m, before);
        if (m.function + 1 < m.functions) { make_call_to(&m, m.function + 1); }
        if (large && m.count < 300) { make_far(&m); }
        make_statements(&m, statements - before);
        end_function(&m);
    }
    resolve_calls(&m, entries);
    describe_program(out, m.count <= MAX_PROGRAM_INSNS ? m.count : MAX_PROGRAM_INSNS, m.memory_size);
}
