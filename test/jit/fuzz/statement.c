/* Straight-line statements. */

#include "maker.h"

uint32_t number(struct maker *m) {
    uint32_t r, tries = chance(m, 75) ? 12 : 0;
    do { r = below(m, 10); } while (r == m->memory || r == m->alias || r == m->pointer || (tries > 0 && tries-- && !(m->hot >> r & 1)));
    return r;
}

uint32_t target(struct maker *m) {
    uint32_t r;
    do { r = below(m, 10); } while (m->reserved >> r & 1);
    return r;
}

uint32_t target_but(struct maker *m, uint32_t other) {
    uint32_t r;
    do { r = target(m); } while (r == other);
    return r;
}

static void emit_wide_constant(struct maker *m, uint32_t dst) {
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, dst, 0, 0, random_imm(&m->random));
    emit(m, 0, 0, 0, 0, chance(m, 30) ? (int32_t)below(m, 2) - 1 : random_imm(&m->random));
}

void emit_number(struct maker *m, uint32_t dst) {
    switch (below(m, 6)) {
    case 0: emit_wide_constant(m, dst); break;
    case 1: emit(m, ALU(MOV) | K, dst, 0, 0, random_imm(&m->random)); break;
    case 2: emit(m, MEM(LDX, m->whole ? number_size(m) : size_code(1u << below(m, 4))), dst, 10, NUMBERS_AT + 8 * (int32_t)below(m, STACK_SLOTS), 0); break;
    default: emit(m, ALU64(MOV) | K, dst, 0, 0, random_imm(&m->random)); break;
    }
}

uint32_t emit_condition(struct maker *m) {
    static const uint8_t ops[] = {BPF_JMP_JEQ, BPF_JMP_JNE, BPF_JMP_JGT, BPF_JMP_JGE, BPF_JMP_JLT, BPF_JMP_JLE,
                                  BPF_JMP_JSGT, BPF_JMP_JSGE, BPF_JMP_JSLT, BPF_JMP_JSLE, BPF_JMP_JSET};
    uint32_t op = ops[below(m, sizeof(ops))] | (chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32), dst = number(m);
    if (chance(m, 6) && m->memory != 1 && m->alias != 1 && m->pointer != 1) { return emit(m, JMP(JEQ) | K, 1, 0, 0, 0); }
    if (chance(m, 40)) { return emit(m, op | X, dst, number(m), 0, 0); }
    int32_t imm = random_imm(&m->random);
    if (chance(m, 25)) { imm = 0; }
    if ((op & 0xf0u) == BPF_JMP_JSET && chance(m, 60)) { imm = (int32_t)(1u << below(m, 32)); }
    return emit(m, op | K, dst, 0, 0, imm);
}

static void make_extension(struct maker *m) {
    uint32_t dst = target(m), src = number(m), by = chance(m, 60) ? 32 : below(m, 64);
    bool wide = chance(m, 75);
    by = wide ? by : by & 31;
    if (chance(m, 60)) { emit(m, (wide || chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, dst, src, 0, 0); }
    emit(m, (wide ? ALU64(LSH) : ALU(LSH)) | K, dst, 0, 0, (int32_t)by);
    maybe_label(m, 10);
    int32_t back = chance(m, 70) ? (int32_t)by : (int32_t)below(m, wide ? 64 : 32);
    uint32_t op = chance(m, 50) ? BPF_ALU_ARSH : BPF_ALU_RSH;
    emit(m, (wide ? BPF_CLASS_ALU64 : BPF_CLASS_ALU) | op | K, dst, 0, 0, back);
}

/* Some bits of a number, as C writes bit fields. */
static void make_field(struct maker *m) {
    uint32_t dst = target(m), low = below(m, 64), width = 1 + below(m, 31);
    uint32_t class = chance(m, 60) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU, mask = (1u << width) - 1;
    low &= class == BPF_CLASS_ALU64 ? 63 : 31;
    if (chance(m, 75)) { emit(m, (chance(m, 60) ? ALU64(MOV) : ALU(MOV)) | X, dst, number(m), 0, 0); }
    bool first = chance(m, 50);
    if (first) { emit(m, class | BPF_ALU_AND | K, dst, 0, 0, (int32_t)(chance(m, 30) ? mask << below(m, 8) : mask)); }
    emit(m, class | (chance(m, 50) ? BPF_ALU_RSH : chance(m, 60) ? BPF_ALU_LSH : BPF_ALU_ARSH) | K, dst, 0, 0, (int32_t)low);
    maybe_label(m, 8);
    if (!first || chance(m, 30)) { emit(m, (chance(m, 80) ? class : BPF_CLASS_ALU64) | BPF_ALU_AND | K, dst, 0, 0, (int32_t)mask); }
    if (chance(m, 40)) { emit(m, class | (chance(m, 50) ? BPF_ALU_ADD : BPF_ALU_OR) | X, target(m), dst, 0, 0); }
}

static void make_move(struct maker *m) {
    static const int32_t widths[] = {0, 0, 0, 8, 16, 32};
    bool wide = chance(m, 60);
    emit(m, (wide ? ALU64(MOV) : ALU(MOV)) | X, target(m), number(m), widths[below(m, wide ? 6 : 5)], 0);
}

static void make_operation(struct maker *m) {
    static const uint8_t ops[] = {BPF_ALU_ADD, BPF_ALU_ADD, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_DIV, BPF_ALU_OR, BPF_ALU_AND, BPF_ALU_AND,
                                  BPF_ALU_LSH, BPF_ALU_RSH, BPF_ALU_NEG, BPF_ALU_MOD, BPF_ALU_XOR, BPF_ALU_ARSH, BPF_ALU_END};
    uint32_t op = ops[below(m, sizeof(ops))], dst = target(m);
    uint32_t wide = chance(m, 50) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU;
    bool divides = op == BPF_ALU_DIV || op == BPF_ALU_MOD, shifts = op == BPF_ALU_LSH || op == BPF_ALU_RSH || op == BPF_ALU_ARSH;
    if (op == BPF_ALU_NEG) {
        emit(m, wide | op, dst, 0, 0, 0);
    } else if (op == BPF_ALU_END) {
        emit(m, wide | op | (wide == BPF_CLASS_ALU && chance(m, 50) ? X : K), dst, 0, 0, 16 << below(m, 3));
    } else if (chance(m, 50)) {
        emit(m, wide | op | X, dst, number(m), divides ? (int32_t)below(m, 2) : 0, 0);
    } else {
        int32_t imm = shifts ? (int32_t)below(m, wide == BPF_CLASS_ALU64 ? 64 : 32) : random_imm(&m->random);
        emit(m, wide | op | K, dst, 0, divides ? (int32_t)below(m, 2) : 0, divides && imm == 0 && chance(m, 95) ? 10 : imm);
    }
}

void make_alu(struct maker *m) {
    switch (below(m, 9)) {
    case 8: return make_field(m);
    case 0: return make_extension(m);
    case 1: return make_move(m);
    case 2: return emit_number(m, target(m));
    default: return make_operation(m);
    }
}

/* A register to address through, what it points at, and whether it is a temporary that must hold a number afterwards. */
struct base {
    uint32_t reg;
    int32_t low, bytes;
    bool temporary;
    bool aligned; /* it must be: the stack */
};

static void shift_base(struct maker *m, struct base *b) {
    uint32_t from = b->reg;
    int32_t by = chance(m, 70) ? (int32_t)below(m, 300) - 150 : (int32_t)below(m, 9000) - 4500;
    b->reg = target(m);
    emit(m, ALU64(MOV) | X, b->reg, from, 0, 0);
    emit(m, ALU64(ADD) | K, b->reg, 0, 0, by);
    b->low -= by;
    b->temporary = true;
}

/* Somewhere in the memory, by a masked number. */
static void index_base(struct maker *m, struct base *b) {
    uint32_t index = number(m), reg = target(m);
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, reg, index, 0, 0);
    switch (below(m, 3)) {
    case 0: emit(m, ALU64(AND) | K, reg, 0, 0, 0x78); break;
    case 1: emit(m, ALU(AND) | K, reg, 0, 0, 0x7f); break;
    default: emit(m, ALU64(MOD) | K, reg, 0, 0, 100); break;
    }
    if (chance(m, 30)) {
        emit(m, ALU64(AND) | K, reg, 0, 0, 31);
        emit(m, ALU64(LSH) | K, reg, 0, 0, (int32_t)below(m, 3));
    }
    emit(m, ALU64(ADD) | X, reg, b->reg, 0, 0);
    *b = (struct base){reg, b->low, b->bytes - 128, true, false};
}

static struct base choose_base(struct maker *m) {
    struct base b = {m->memory, 0, (int32_t)m->memory_size, false, false};
    switch (below(m, 10)) {
    case 0:
    case 1:
    case 2:
    case 3: b = (struct base){10, NUMBERS_AT, 8 * STACK_SLOTS, false, true}; break;
    case 4:
    case 5:
        if (m->alias != 10) { b = (struct base){m->alias, m->alias_low, m->alias_bytes, false, m->alias_bytes == 8 * STACK_SLOTS}; }
        break;
    default: break;
    }
    bool shallow = b.bytes <= 2048 || chance(m, 50);
    if (shallow && b.bytes > 2048) { b.bytes = 512; }
    if (b.reg == m->memory && chance(m, 20)) {
        index_base(m, &b);
    } else if (chance(m, 20) && !(m->whole && b.reg == 10)) {
        shift_base(m, &b);
    }
    return b;
}

static int32_t displacement(struct maker *m, const struct base *b, int32_t inside) {
    int32_t off = b->low + inside;
    return off < -32768 || off > 32767 ? b->low + (int32_t)below(m, 64) : off;
}

static void make_one_access(struct maker *m, const struct base *b, int32_t inside, uint32_t bytes, uint32_t kind) {
    if (m->whole && b->reg == 10 && b->low == NUMBERS_AT) {
        bytes = chance(m, 98) ? m->whole : 1u << below(m, 4);
        inside &= ~7;
    }
    if (inside < 0 || inside + (int32_t)bytes > b->bytes) { inside = 0; }
    if (b->aligned) { inside &= ~(int32_t)(bytes - 1); }
    int32_t off = displacement(m, b, inside);
    uint32_t size = size_code(bytes), value = number(m);
    if (kind == 0) { emit(m, MEM(LDX, size), target_but(m, b->reg), b->reg, off, 0); }
    if (kind == 1) { emit(m, BPF_CLASS_LDX | (bytes != 8 ? BPF_MODE_MEMSX : BPF_MODE_MEM) | size, target_but(m, b->reg), b->reg, off, 0); }
    if (kind == 2) { emit(m, MEM(ST, size), b->reg, 0, off, chance(m, 40) ? 0 : random_imm(&m->random)); }
    if (kind == 3 && value != b->reg) { emit(m, MEM(STX, size), b->reg, value, off, 0); }
}

/* One access, or several beside or over each other: what may be merged into pairs, and what must not be. */
void make_access(struct maker *m) {
    struct base b = choose_base(m);
    uint32_t bytes = 1u << below(m, 4), kind = below(m, 4), many = chance(m, 50) ? 1 : 2 + below(m, 4);
    int32_t inside = (int32_t)below(m, (uint32_t)b.bytes - 7);
    if (b.temporary) {
        m->reserved |= 1u << b.reg;
        m->pointer = b.reg;
    }
    if (chance(m, 85)) { inside &= ~(int32_t)(bytes - 1); }
    int32_t step = chance(m, 50) ? (int32_t)bytes : chance(m, 70) ? -(int32_t)bytes : (int32_t)below(m, 9) - 4;
    for (uint32_t i = 0; i < many; i++) {
        make_one_access(m, &b, inside, bytes, kind);
        maybe_label(m, 8);
        inside += step;
        if (chance(m, 15)) { kind = below(m, 4); }
        if (chance(m, 10)) { bytes = 1u << below(m, 4); }
        if (chance(m, 10)) { make_operation(m); }
    }
    if (!b.temporary) { return; }
    m->reserved &= ~(1u << b.reg);
    m->pointer = 10;
    if (chance(m, 40)) {
        emit(m, MEM(LDX, size_code(bytes)), b.reg, b.reg, displacement(m, &b, 0), 0);
    } else {
        emit_number(m, b.reg);
    }
}

void make_atomic(struct maker *m) {
    static const uint8_t ops[] = {0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1};
    uint32_t op = ops[below(m, sizeof(ops))], bytes = chance(m, 50) ? 4 : 8;
    bool writes_r0 = op == 0xf1 && m->reserved & 1;
    uint32_t value = op & 1 ? target(m) : number(m), base = m->memory, room = 512;
    int32_t low = 0;
    if (writes_r0) { return; }
    if (chance(m, 25) && !m->whole) {
        base = 10;
        low = NUMBERS_AT;
        room = 8 * STACK_SLOTS;
    }
    emit(m, BPF_CLASS_STX | BPF_MODE_ATOMIC | size_code(bytes), base, value, low + (int32_t)(below(m, room / bytes) * bytes), (int32_t)op);
}

static void access_value(struct maker *m, uint32_t reg, int32_t bytes) {
    struct base b = {reg, 0, bytes, true, true};
    uint32_t size = 1u << below(m, 4);
    for (uint32_t i = 1 + below(m, 3); i-- > 0;) {
        make_one_access(m, &b, (int32_t)(below(m, (uint32_t)bytes - 7) & ~(size - 1)), size, below(m, 4));
    }
}

/* A pointer in a slot that r10 alone comes to: it moves along what it points at, and the slot gets it back, or what is there. */
static void make_kept(struct maker *m) {
    uint32_t reg = target(m), kept = m->reserved, bytes = 1u << below(m, 4);
    emit(m, MEM(STX, BPF_SIZE_DW), 10, m->memory, POINTER_AT, 0);
    m->reserved |= 1u << reg;
    m->pointer = reg;
    for (uint32_t i = 1 + below(m, 3); i-- > 0;) {
        uint32_t value = target(m);
        emit(m, MEM(LDX, BPF_SIZE_DW), reg, 10, POINTER_AT, 0);
        emit(m, MEM(LDX, size_code(bytes)), value, reg, chance(m, 60) ? 0 : (int32_t)bytes, 0);
        if (chance(m, 30)) { emit(m, MEM(STX, size_code(bytes)), reg, number(m), 0, 0); }
        emit(m, ALU64(ADD) | K, reg, 0, 0, (int32_t)bytes);
        if (chance(m, 80)) { emit(m, MEM(STX, BPF_SIZE_DW), 10, reg, POINTER_AT, 0); }
        if (i == 0 && chance(m, 50)) {
            emit(m, MEM(STX, BPF_SIZE_DW), 10, value, POINTER_AT, 0);
            emit(m, MEM(LDX, BPF_SIZE_DW), value, 10, POINTER_AT, 0);
        }
    }
    m->reserved = kept;
    m->pointer = 10;
    emit_number(m, reg);
}

/* The pointer through the stack, loaded over the pointer it is loaded through. */
void make_spill(struct maker *m) {
    if (m->whole) { return make_kept(m); }
    uint32_t reg = target(m), kept = m->reserved, bytes = chance(m, 50) ? 8 : 4;
    int32_t at = POINTER_AT - 8 * (int32_t)below(m, 3), off = 8 * (int32_t)below(m, 8);
    emit(m, MEM(STX, BPF_SIZE_DW), 10, m->memory, POINTER_AT, 0);
    emit(m, ALU64(MOV) | X, reg, 10, 0, 0);
    emit(m, ALU64(ADD) | K, reg, 0, 0, at - off);
    if (chance(m, 50)) { emit(m, MEM(ST, BPF_SIZE_B), reg, 0, POINTER_AT - 8 - at + off, 0); }
    emit(m, MEM(LDX, BPF_SIZE_DW), reg, reg, POINTER_AT - at + off, 0);
    m->reserved |= 1u << reg;
    m->pointer = reg;
    int32_t near = chance(m, 70) ? POINTER_AT - at + off + 8 : (int32_t)(below(m, 16) * bytes);
    emit(m, MEM(LDX, size_code(bytes)), target(m), reg, near, 0);
    if (chance(m, 50)) { emit(m, MEM(LDX, size_code(bytes)), target(m), reg, near + (int32_t)bytes, 0); }
    m->reserved = kept;
    m->pointer = 10;
    emit_number(m, reg);
}

/* Straight into the array map. */
void make_map_value(struct maker *m) {
    uint32_t reg = target(m), kept = m->reserved;
    int32_t at = (int32_t)below(m, VALUE_BYTES / 8 - 1) * 8;
    if (!m->maps) { return; }
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, reg, BPF_PSEUDO_IMM64_MAP_VALUE, 0, ARRAY_MAP);
    emit(m, 0, 0, 0, 0, at);
    m->reserved |= 1u << reg;
    m->pointer = reg;
    access_value(m, reg, VALUE_BYTES - at);
    m->reserved = kept;
    m->pointer = 10;
    emit_number(m, reg);
}

void restore_scratch(struct maker *m) {
    for (uint32_t r = 1; r <= 5; r++) {
        uint32_t from = 6 + below(m, 4);
        if (from == m->memory || from == m->alias || chance(m, 60)) {
            emit_number(m, r);
        } else {
            emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, r, from, 0, 0);
        }
    }
}

static void stack_address(struct maker *m, uint32_t reg, int32_t at) {
    emit(m, ALU64(MOV) | X, reg, 10, 0, 0);
    emit(m, ALU64(ADD) | K, reg, 0, 0, at);
}

static void make_map_helper(struct maker *m) {
    uint32_t map = below(m, VALUE_MAPS), id = 1 + below(m, map == HASH_MAP ? 3 : 2);
    emit(m, MEM(STX, map == HASH_MAP ? BPF_SIZE_DW : BPF_SIZE_W), 10, number(m), KEY_AT, 0);
    if (id == HELPER_MAP_UPDATE_ELEM) {
        for (int32_t at = VALUE_AT; at < VALUE_AT + VALUE_BYTES; at += 8) { emit(m, MEM(STX, BPF_SIZE_DW), 10, number(m), at, 0); }
        stack_address(m, 3, VALUE_AT);
        emit(m, ALU64(MOV) | K, 4, 0, 0, 0);
    }
    stack_address(m, 2, KEY_AT);
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, 1, BPF_PSEUDO_IMM64_MAP, 0, (int32_t)map);
    emit(m, 0, 0, 0, 0, 0);
    emit(m, JMP(CALL), 0, 0, 0, (int32_t)id);
    restore_scratch(m);
    if (id != HELPER_MAP_LOOKUP_ELEM) { return; }
    uint32_t over = emit(m, (chance(m, 70) ? JMP(JEQ) : JMP(JNE)) | K, 0, 0, 0, 0);
    if (m->out->insns[over < MAX_PROGRAM_INSNS ? over : 0].opcode == (JMP(JNE) | K)) {
        uint32_t none = emit(m, JMP(JA), 0, 0, 0, 0);
        land(m, over);
        over = none;
    }
    m->reserved |= 1;
    m->pointer = 0;
    access_value(m, 0, VALUE_BYTES);
    m->reserved &= ~1u;
    m->pointer = 10;
    land(m, over);
    emit_number(m, 0);
}

static void make_print(struct maker *m) {
    int32_t at = NUMBERS_AT + (int32_t)below(m, 8 * STACK_SLOTS - 8);
    for (uint32_t r = 3; r <= 5; r++) {
        if (chance(m, 50)) { make_operation(m); }
    }
    stack_address(m, 1, at);
    emit(m, ALU64(MOV) | K, 2, 0, 0, 1 + (int32_t)below(m, (uint32_t)-at));
    emit(m, JMP(CALL), 0, 0, 0, HELPER_TRACE_PRINTK);
    restore_scratch(m);
}

/* Of the stack, the memory, or a value of the array map. */
static uint32_t emit_data(struct maker *m, uint32_t reg) {
    if (chance(m, 20)) {
        uint32_t at = below(m, VALUE_BYTES);
        emit(m, BPF_CLASS_LD | BPF_SIZE_DW, reg, BPF_PSEUDO_IMM64_MAP_VALUE, 0, ARRAY_MAP);
        emit(m, 0, 0, 0, 0, (int32_t)at);
        return VALUE_BYTES - at;
    }
    bool stack = chance(m, 50);
    uint32_t size = stack ? 8 * STACK_SLOTS : m->memory_size, at = below(m, size);
    emit(m, ALU64(MOV) | X, reg, stack ? 10 : m->memory, 0, 0);
    emit(m, ALU64(ADD) | K, reg, 0, 0, (int32_t)at + (stack ? NUMBERS_AT : 0));
    return size - at;
}

/* As much as there is, more than the ring buffer holds, and sizes that are only bounded. */
void make_record(struct maker *m) {
    if (!m->calls || m->whole) { return; }
    if (chance(m, 50)) {
        emit(m, ALU64(MOV) | K, 4, 0, 0, (int32_t)below(m, 5));
    } else {
        emit(m, ALU64(MOV) | X, 4, number(m), 0, 0);
        if (chance(m, 70)) { emit(m, ALU64(AND) | K, 4, 0, 0, (int32_t)below(m, 8)); }
    }
    uint32_t from = number(m);
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, 3, from, 0, 0);
    uint32_t room = emit_data(m, 2);
    if (chance(m, 50)) {
        emit(m, ALU64(MOV) | K, 3, 0, 0, (int32_t)(chance(m, 30) ? room : 1 + below(m, room < RING_BYTES ? room : RING_BYTES)));
    } else {
        uint32_t mask = 1;
        while (mask < RING_BYTES / 2 && 2 * mask < room) { mask *= 2; }
        emit(m, ALU64(AND) | K, 3, 0, 0, (int32_t)mask - 1);
        emit(m, ALU64(ADD) | K, 3, 0, 0, 1);
    }
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, 1, BPF_PSEUDO_IMM64_MAP, 0, RING_MAP);
    emit(m, 0, 0, 0, 0, 0);
    emit(m, JMP(CALL), 0, 0, 0, HELPER_RINGBUF_OUTPUT);
    restore_scratch(m);
}

void make_helper(struct maker *m) {
    if (!m->calls) { return; }
    switch (m->whole ? 3 : below(m, 6)) {
    case 4:
    case 5: return make_vector(m);
    case 0: return make_print(m);
    case 1:
    case 2:
        if (m->maps) { return make_map_helper(m); }
        [[fallthrough]];
    default:
        emit(m, JMP(CALL), 0, 0, 0, chance(m, 50) ? HELPER_GET_PRANDOM_U32 : HELPER_KTIME_GET_NS);
        restore_scratch(m);
    }
}

void make_call_to(struct maker *m, uint32_t function) {
    if (m->call_count == 64) { return; }
    emit(m, ALU64(MOV) | X, 1, m->memory, 0, 0);
    m->call_targets[m->call_count] = function;
    m->call_slots[m->call_count++] = emit(m, JMP(CALL), 0, BPF_PSEUDO_CALL_LOCAL, 0, 0);
    restore_scratch(m);
}

void make_call(struct maker *m) {
    if (!m->calls || m->function + 1 >= m->functions) { return; }
    make_call_to(m, m->function + 1 + below(m, m->functions - m->function - 1));
}
