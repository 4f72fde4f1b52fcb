/* Random programs with rich control flow and memory. One file, because its parts share the state of the maker.
 * Registers by role: r6 the memory, context or packet; r7..r9 loop counters where loops are open; r0..r5 scratch. */

#include "generator.h"

#include "given.h"
#include "random.h"
#include <string.h>

enum role : uint8_t { UNSET, NUMBER, MEMORY, POINTER };

struct maker {
    struct random random, apart, low;
    struct generated *out;
    uint32_t count;
    uint8_t roles[11];
    uint64_t stack; /* slots that hold numbers, and NARROW_ARRAY */
    bool narrow;    /* numbers of 4 bytes and smaller ones lie where stores go to a place that depends on data */
    bool records;   /* a ring buffer gets some */
    bool aims;      /* addresses are moved to where 0 is, or nearly, and compared with it */
    bool legacy;    /* the context lies on the stack, and legacy loads read the packet */
    uint32_t depth; /* of open blocks */
    uint32_t loops;
    uint32_t calls[4]; /* slots of calls to the function behind the program */
    uint32_t call_count;
};

static uint32_t below(struct maker *m, uint32_t limit) { return random_below(&m->random, limit); }
static bool chance(struct maker *m, uint32_t percent) { return random_chance(&m->random, percent); }
static bool full(const struct maker *m) { return m->count >= GENERATED_MAX; }

static uint32_t emit(struct maker *m, uint32_t opcode, uint32_t dst, uint32_t src, int32_t off, int32_t imm) {
    if (m->count < GENERATED_MAX + 60) {
        m->out->insns[m->count] = (struct bpf_insn){(uint8_t)opcode, (uint8_t)(dst | src << 4), (int16_t)off, imm};
    }
    return m->count++;
}

#define ALU64(op) (BPF_CLASS_ALU64 | BPF_ALU_##op)
#define K BPF_SRC_K
#define X BPF_SRC_X

static uint32_t any_with(struct maker *m, uint8_t role) {
    uint32_t start = below(m, 10);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t r = (start + i) % 10;
        if (m->roles[r] == role && r != 6) { return r; }
    }
    return 10;
}

static bool is_counter(const struct maker *m, uint32_t r) { return r >= 7 && r < 7 + m->loops; }

static uint32_t target_register(struct maker *m) {
    uint32_t r;
    do { r = below(m, 10); } while (r == 6 || is_counter(m, r));
    return r;
}

static uint32_t number(struct maker *m) {
    uint32_t r = any_with(m, NUMBER);
    if (r != 10 && chance(m, 95)) { return r; }
    r = target_register(m);
    emit(m, (chance(m, 50) ? BPF_CLASS_ALU : BPF_CLASS_ALU64) | BPF_ALU_MOV | K, r, 0, 0, random_imm(&m->random));
    m->roles[r] = NUMBER;
    return r;
}

static uint32_t writable_number(struct maker *m) {
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t r = number(m);
        if (!is_counter(m, r)) { return r; }
    }
    uint32_t r = target_register(m);
    emit(m, ALU64(MOV) | K, r, 0, 0, random_imm(&m->random));
    m->roles[r] = NUMBER;
    return r;
}

static void make_move(struct maker *m) {
    uint32_t src = number(m), dst = target_register(m);
    static const int32_t widths[] = {0, 0, 0, 8, 16, 32};
    bool wide = chance(m, 60);
    emit(m, (wide ? BPF_CLASS_ALU64 : BPF_CLASS_ALU) | BPF_ALU_MOV | X, dst, src, widths[below(m, wide ? 6 : 5)], 0);
    m->roles[dst] = NUMBER;
}

static void make_wide_constant(struct maker *m) {
    uint32_t dst = target_register(m);
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, dst, 0, 0, random_imm(&m->random));
    emit(m, 0, 0, 0, 0, random_imm(&m->random));
    m->roles[dst] = NUMBER;
}

static void make_alu(struct maker *m) {
    static const uint8_t ops[] = {BPF_ALU_ADD, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_DIV, BPF_ALU_OR, BPF_ALU_AND, BPF_ALU_AND,
                                  BPF_ALU_LSH, BPF_ALU_RSH, BPF_ALU_NEG, BPF_ALU_MOD, BPF_ALU_XOR, BPF_ALU_ARSH, BPF_ALU_END};
    uint32_t op = ops[below(m, sizeof(ops))], dst = writable_number(m);
    uint32_t wide = chance(m, 50) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU;
    bool divides = op == BPF_ALU_DIV || op == BPF_ALU_MOD, shifts = op == BPF_ALU_LSH || op == BPF_ALU_RSH || op == BPF_ALU_ARSH;
    if (op == BPF_ALU_NEG) {
        emit(m, wide | op, dst, 0, 0, 0);
    } else if (op == BPF_ALU_END) {
        emit(m, wide | op | (wide == BPF_CLASS_ALU && chance(m, 50) ? X : K), dst, 0, 0, 16 << below(m, 3));
    } else if (chance(m, 50)) {
        emit(m, wide | op | X, dst, number(m), divides ? (int32_t)below(m, 2) : 0, 0);
    } else {
        int32_t imm = shifts && chance(m, 90) ? (int32_t)below(m, wide == BPF_CLASS_ALU64 ? 64 : 32) : random_imm(&m->random);
        emit(m, wide | op | K, dst, 0, divides ? (int32_t)below(m, 2) : 0, imm);
    }
}

/* A register that points into the memory of r6, mostly inside it. */
static uint32_t memory_pointer(struct maker *m, int32_t *off, uint32_t bytes) {
    uint32_t size = m->out->program.memory_size, index = number(m), p;
    *off = (int32_t)below(m, chance(m, 98) ? size / 2 - bytes : size + 8);
    if (chance(m, 40)) { return 6; }
    do { p = target_register(m); } while (p == index);
    emit(m, ALU64(MOV) | X, p, index, 0, 0);
    switch (below(m, 4)) {
    case 0: emit(m, ALU64(AND) | K, p, 0, 0, (int32_t)below(m, size / 2) & ~(int32_t)(bytes - 1)); break;
    case 1: emit(m, ALU64(MOD) | K, p, 0, 0, (int32_t)size / 2); break;
    case 2:
        emit(m, BPF_CLASS_ALU | BPF_ALU_RSH | K, p, 0, 0, 27);
        break;
    default: /* a check that leaves the program when it is too large */
        emit(m, (chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32) | BPF_JMP_JLE | K, p, 0, 2, (int32_t)below(m, size / 2 + 1));
        emit(m, ALU64(MOV) | K, 0, 0, 0, 1);
        emit(m, BPF_CLASS_JMP | BPF_JMP_EXIT, 0, 0, 0, 0);
        if (m->roles[0] != NUMBER) { m->roles[0] = UNSET; }
        break;
    }
    emit(m, ALU64(ADD) | X, p, 6, 0, 0);
    m->roles[p] = POINTER;
    return p;
}

static uint32_t size_code(uint32_t bytes) { return bytes == 1 ? BPF_SIZE_B : bytes == 2 ? BPF_SIZE_H : bytes == 4 ? BPF_SIZE_W : BPF_SIZE_DW; }

static void make_access(struct maker *m) {
    uint32_t bytes = 1u << below(m, 4), size = size_code(bytes);
    int32_t off;
    switch (below(m, 4)) {
    case 0: {
        uint32_t p = memory_pointer(m, &off, bytes), dst = target_register(m);
        bool extends = bytes != 8 && chance(m, 40);
        emit(m, BPF_CLASS_LDX | (extends ? BPF_MODE_MEMSX : BPF_MODE_MEM) | size, dst, p, off, 0);
        m->roles[dst] = NUMBER;
        break;
    }
    case 1: {
        uint32_t value = number(m), p = memory_pointer(m, &off, bytes);
        if (m->roles[value] == NUMBER) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | size, p, value, off, 0); }
        break;
    }
    case 2: {
        uint32_t p = memory_pointer(m, &off, bytes);
        emit(m, BPF_CLASS_ST | BPF_MODE_MEM | size, p, 0, off, random_imm(&m->random));
        break;
    }
    default: {
        static const uint8_t ops[] = {0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1};
        bytes = bytes < 4 ? 4 : bytes;
        uint32_t value = writable_number(m), op = ops[below(m, sizeof(ops))];
        if (op == 0xf1 && m->roles[0] != NUMBER) { return; }
        emit(m, BPF_CLASS_STX | BPF_MODE_ATOMIC | size_code(bytes), 6, value, (int32_t)(below(m, 16) * bytes), (int32_t)op);
        break;
    }
    }
}

static void make_stack(struct maker *m) {
    uint32_t slot = below(m, 6), bytes = 1u << below(m, 4);
    int32_t base = -8 * (int32_t)(slot + 1);
    if ((m->stack >> slot & 1) == 0) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, number(m), base, 0);
        m->stack |= (uint64_t)1 << slot;
        return;
    }
    int32_t off = base + (int32_t)(below(m, 8 / bytes) * bytes);
    if (chance(m, 50)) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | size_code(bytes), 10, number(m), off, 0);
        return;
    }
    uint32_t dst = target_register(m);
    emit(m, BPF_CLASS_LDX | (bytes != 8 && chance(m, 30) ? BPF_MODE_MEMSX : BPF_MODE_MEM) | size_code(bytes), dst, 10, off, 0);
    m->roles[dst] = NUMBER;
}

/* Keeps the memory pointer on the stack and takes it back. */
static void make_spill(struct maker *m) {
    emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, 6, -64, 0);
    uint32_t dst = target_register(m);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, dst, 10, -64, 0);
    m->roles[dst] = POINTER;
    if (chance(m, 50)) {
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_B, dst, dst, (int32_t)below(m, 16), 0);
        m->roles[dst] = NUMBER;
    }
}

/* A number on the stack at a place that depends on data. */
static void make_stack_array(struct maker *m) {
    for (int32_t off = -96; off < -64; off += 8) { emit(m, BPF_CLASS_ST | BPF_MODE_MEM | BPF_SIZE_DW, 10, 0, off, random_imm(&m->random)); }
    uint32_t p = writable_number(m);
    emit(m, ALU64(AND) | K, p, 0, 0, (int32_t)below(m, 4) * 8);
    emit(m, ALU64(ADD) | X, p, 10, 0, 0);
    m->roles[p] = POINTER;
    if (chance(m, 60)) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, p, number(m), -96, 0); }
    if (m->roles[p] != POINTER) { return; }
    uint32_t dst = target_register(m);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, dst, p, -96, 0);
    m->roles[dst] = NUMBER;
}

/* In narrow programs: 32 bytes that hold numbers of any size, each kept whole and maybe taken back whole, and among them
 * stores to a place that depends on data. */
enum { NARROW_FIRST = -96, NARROW_BYTES = 32 };
static const uint64_t NARROW_ARRAY = (uint64_t)1 << 40;

static void keep_narrow(struct maker *m, int32_t off, uint32_t bytes) {
    if (chance(m, 80)) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | size_code(bytes), 10, number(m), off, 0);
    } else {
        emit(m, BPF_CLASS_ST | BPF_MODE_MEM | size_code(bytes), 10, 0, off, random_imm(&m->random));
    }
}

static void fill_narrow(struct maker *m) {
    for (int32_t off = NARROW_FIRST; off < NARROW_FIRST + NARROW_BYTES;) {
        uint32_t bytes = off % 8 == 0 && chance(m, 30) ? 8 : 4;
        keep_narrow(m, off, bytes);
        off += (int32_t)bytes;
    }
    m->stack |= NARROW_ARRAY;
}

static int32_t narrow_place(struct maker *m, uint32_t bytes) { return NARROW_FIRST + (int32_t)(below(m, NARROW_BYTES / bytes) * bytes); }

static void take_narrow(struct maker *m, uint32_t base, int32_t off, uint32_t bytes) {
    uint32_t dst = target_register(m);
    bool extends = bytes != 8 && chance(m, 30);
    emit(m, BPF_CLASS_LDX | (extends ? BPF_MODE_MEMSX : BPF_MODE_MEM) | size_code(bytes), dst, base, off, 0);
    m->roles[dst] = NUMBER;
}

static void make_narrow_array(struct maker *m) {
    if ((m->stack & NARROW_ARRAY) == 0 || chance(m, 20)) { fill_narrow(m); }
    uint32_t bytes = 1u << below(m, 4), p = writable_number(m);
    emit(m, ALU64(AND) | K, p, 0, 0, (int32_t)(below(m, NARROW_BYTES / bytes) * bytes));
    emit(m, ALU64(ADD) | X, p, 10, 0, 0);
    m->roles[p] = POINTER;
    if (chance(m, 40)) { keep_narrow(m, narrow_place(m, 4), 4); }
    uint32_t value = number(m);
    if (m->roles[p] != POINTER) { return; } /* number() took it */
    emit(m, BPF_CLASS_STX | BPF_MODE_MEM | size_code(bytes), p, value, NARROW_FIRST, 0);
    if (chance(m, 30)) { keep_narrow(m, narrow_place(m, 4), 4); }
    uint32_t again = chance(m, 70) ? 4 : 1u << below(m, 4);
    take_narrow(m, 10, narrow_place(m, again), again);
    if (m->roles[p] == POINTER && chance(m, 30)) { take_narrow(m, p, NARROW_FIRST, bytes); }
}

static void forget_scratch(struct maker *m) {
    for (uint32_t r = 1; r <= 5; r++) { m->roles[r] = UNSET; }
    m->roles[0] = NUMBER;
}

static void record_value(struct maker *m, uint32_t bytes);

/* Looks a value up, checks it, and uses it. */
static void make_lookup(struct maker *m) {
    bool hash = chance(m, 40), nowhere = m->records && chance(m, 4);
    uint32_t map = hash ? HASH_MAP : ARRAY_MAP;
    emit(m, BPF_CLASS_STX | BPF_MODE_MEM | (hash ? BPF_SIZE_DW : BPF_SIZE_W), 10, number(m), -104, 0);
    emit(m, ALU64(MOV) | X, 2, 10, 0, 0);
    emit(m, ALU64(ADD) | K, 2, 0, 0, -104);
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, 1, BPF_PSEUDO_IMM64_MAP, 0, nowhere ? RING_MAP : (int32_t)map);
    emit(m, 0, 0, 0, 0, 0);
    emit(m, BPF_CLASS_JMP | BPF_JMP_CALL, 0, 0, 0, 1);
    forget_scratch(m);
    uint32_t limit = m->out->maps[map].value_size;
    if (nowhere) { return (void)emit(m, ALU64(MOV) | K, 0, 0, 0, 0); } /* a ring buffer has no values: must be refused already */
    if (chance(m, 5)) { return; } /* r0 is not checked: must be refused when it is used */
    if (m->records && chance(m, 30)) { return record_value(m, limit); }
    emit(m, BPF_CLASS_JMP | BPF_JMP_JEQ | K, 0, 0, 3, 0);
    int32_t off = (int32_t)below(m, limit - 3);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_W, 1, 0, off, 0);
    emit(m, ALU64(ADD) | K, 1, 0, 0, random_imm(&m->random));
    emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_W, 0, 1, off, 0);
    emit(m, ALU64(MOV) | K, 0, 0, 0, random_imm(&m->random));
}

static void make_call(struct maker *m) {
    if (m->call_count == 4) { return; }
    emit(m, ALU64(MOV) | X, 1, number(m), 0, 0);
    m->roles[1] = NUMBER;
    emit(m, ALU64(MOV) | X, 2, 6, 0, 0);
    m->calls[m->call_count++] = emit(m, BPF_CLASS_JMP | BPF_JMP_CALL, 0, BPF_PSEUDO_CALL_LOCAL, 0, 0);
    forget_scratch(m);
}

/* A legacy load wants the context in r6, which is kept meanwhile. */
enum { CONTEXT_SLOT = -112, KEPT_SLOT = -120 };

static void make_legacy_load(struct maker *m) {
    uint32_t bytes = 1u << below(m, 3), size = m->out->program.memory_size;
    bool indirect = chance(m, 50);
    uint32_t src = indirect ? number(m) : 0;
    if (indirect && !is_counter(m, src) && chance(m, 70)) { emit(m, ALU64(AND) | K, src, 0, 0, 63); }
    int32_t at = chance(m, 90) ? (int32_t)below(m, size) - (indirect ? 16 : 0) : random_imm(&m->random);
    if (chance(m, 30)) { at = (int32_t)(size + 4 * below(m, 9) - bytes + below(m, 3)) - 1; } /* where packets end (run.c) */
    emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, 6, KEPT_SLOT, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 6, 10, CONTEXT_SLOT, 0);
    emit(m, BPF_CLASS_LD | (uint32_t)(indirect ? BPF_MODE_IND : BPF_MODE_ABS) | size_code(bytes), 0, src, 0, at);
    forget_scratch(m);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 6, 10, KEPT_SLOT, 0);
}

static void make_statements(struct maker *m, uint32_t count);

static uint32_t make_condition(struct maker *m) {
    static const uint8_t ops[] = {BPF_JMP_JEQ, BPF_JMP_JNE, BPF_JMP_JGT, BPF_JMP_JGE, BPF_JMP_JLT, BPF_JMP_JLE,
                                  BPF_JMP_JSGT, BPF_JMP_JSGE, BPF_JMP_JSLT, BPF_JMP_JSLE, BPF_JMP_JSET};
    uint32_t op = ops[below(m, sizeof(ops))] | (chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32);
    uint32_t a = number(m), b = number(m);
    if (m->roles[a] != NUMBER) { a = b; }
    return chance(m, 50) ? emit(m, op | X, a, b, 0, 0) : emit(m, op | K, a, 0, 0, random_imm(&m->random));
}

static void land(struct maker *m, uint32_t jump) {
    if (jump < GENERATED_MAX + 60) { m->out->insns[jump].off = (int16_t)(m->count - jump - 1); }
}

/* Numbers on the stack, at times with bytes among them that nobody wrote, or with an address: must be refused. */
static uint32_t stack_data(struct maker *m) {
    uint32_t first = below(m, 6), slots = 1 + below(m, first + 1 < 4 ? first + 1 : 4);
    for (uint32_t slot = first; slot + slots > first; slot--) {
        if ((m->stack >> slot & 1) == 0 && chance(m, 97)) {
            emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, number(m), -8 * (int32_t)(slot + 1), 0);
            m->stack |= (uint64_t)1 << slot;
        }
        if (slot == 0) { break; }
    }
    if (chance(m, 3)) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, chance(m, 50) ? 10 : 6, -8 * (int32_t)(first + 1), 0);
        m->stack &= ~((uint64_t)1 << first);
    }
    uint32_t into = below(m, 8);
    emit(m, ALU64(MOV) | X, 2, 10, 0, 0);
    emit(m, ALU64(ADD) | K, 2, 0, 0, (int32_t)into - 8 * (int32_t)(first + 1));
    return 8 * slots - into;
}

/* Puts into r2 where a record lies. How much is there; 0 where that came to nothing. */
static uint32_t record_data(struct maker *m) {
    bool packet = m->out->program.hook == HOOK_PACKET;
    if (m->legacy && chance(m, 5)) { /* must be refused, as all that lies in packets */
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 2, 10, CONTEXT_SLOT, 0);
        return 8;
    }
    if (chance(m, packet ? 95 : 50)) { return stack_data(m); }
    int32_t off;
    uint32_t p = memory_pointer(m, &off, 8), size = m->out->program.memory_size;
    if (p == 1 || p == 3 || p == 4) { return 0; }
    emit(m, ALU64(MOV) | X, 2, p, 0, 0);
    emit(m, ALU64(ADD) | K, 2, 0, 0, off);
    uint32_t bytes = p == 6 ? size : size / 2;
    return (uint32_t)off < bytes ? bytes - (uint32_t)off : 1;
}

/* A number that stands in none of the arguments. */
static uint32_t free_number(struct maker *m) {
    uint32_t r = any_with(m, NUMBER);
    return r == 10 || (r >= 1 && r <= 4) ? 10 : r;
}

/* One that is known, mostly at the limits, or one that is cut to fit; at times none that may be. */
static void record_size(struct maker *m, uint32_t room) {
    uint32_t from = free_number(m), bits = 0;
    if (from == 10 || chance(m, 50)) {
        const uint32_t sizes[] = {1, room, room - 1, 1 + below(m, room), 8, 0, room + 1};
        emit(m, ALU64(MOV) | K, 3, 0, 0, (int32_t)sizes[below(m, chance(m, 95) ? 5 : 7)]);
        return;
    }
    emit(m, (chance(m, 50) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU) | BPF_ALU_MOV | X, 3, from, 0, 0);
    while ((2u << bits) <= room) { bits++; }
    if (chance(m, 8)) { bits++, room *= 2; }
    switch (below(m, 4)) {
    case 0: emit(m, ALU64(MOD) | K, 3, 0, 0, (int32_t)room); break;
    case 1: emit(m, BPF_CLASS_ALU | BPF_ALU_AND | K, 3, 0, 0, (1 << bits) - 1); break;
    case 2: emit(m, ALU64(AND) | K, 3, 0, 0, (1 << bits) - 1); break;
    default: emit(m, BPF_CLASS_ALU | BPF_ALU_RSH | K, 3, 0, 0, bits == 0 ? 31 : 32 - (int32_t)bits); break;
    }
    if (chance(m, 95)) { emit(m, ALU64(ADD) | K, 3, 0, 0, chance(m, 95) ? 1 : 2); }
}

/* Of what r2 points to. */
static void put_record(struct maker *m, uint32_t room) {
    m->roles[2] = POINTER;
    record_size(m, room);
    uint32_t from = free_number(m);
    if (from != 10 && chance(m, 30)) {
        emit(m, ALU64(MOV) | X, 4, from, 0, 0);
    } else {
        emit(m, ALU64(MOV) | K, 4, 0, 0, chance(m, 90) ? (int32_t)below(m, 5) : random_imm(&m->random));
    }
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, 1, BPF_PSEUDO_IMM64_MAP, 0, chance(m, 97) ? RING_MAP : HASH_MAP);
    emit(m, 0, 0, 0, 0, 0);
    emit(m, BPF_CLASS_JMP | BPF_JMP_CALL, 0, 0, 0, HELPER_RINGBUF_OUTPUT);
    forget_scratch(m);
}

static void make_record(struct maker *m) {
    uint32_t room = record_data(m);
    if (room != 0) { put_record(m, room); }
}

static void record_value(struct maker *m, uint32_t bytes) {
    uint32_t none = emit(m, BPF_CLASS_JMP | BPF_JMP_JEQ | K, 0, 0, 0, 0), at = below(m, bytes);
    emit(m, ALU64(MOV) | X, 2, 0, 0, 0);
    emit(m, ALU64(ADD) | K, 2, 0, 0, (int32_t)at);
    m->roles[0] = POINTER;
    put_record(m, bytes - at);
    land(m, none);
}

/* What holds on both ways out of a block. */
static void meet(struct maker *m, const uint8_t roles[11], uint64_t stack) {
    for (uint32_t r = 0; r < 10; r++) {
        if (m->roles[r] != roles[r]) { m->roles[r] = UNSET; }
    }
    m->stack &= stack;
}

/* Of an address where 0 is, one at or near its object, or one far before it. */
static uint32_t make_null_condition(struct maker *m) {
    int32_t moved[] = {(int32_t)(uintptr_t)the_world()->memory, 0, (int32_t)random_below(&m->low, 64), (int32_t)random_below(&m->low, 1u << 29)};
    uint32_t p = target_register(m), op = random_chance(&m->low, 50) ? BPF_JMP_JEQ : BPF_JMP_JNE;
    emit(m, ALU64(MOV) | X, p, 6, 0, 0);
    emit(m, ALU64(ADD) | K, p, 0, 0, -moved[random_below(&m->low, 4)]);
    m->roles[p] = UNSET;
    return emit(m, BPF_CLASS_JMP | op | K, p, 0, 0, 0);
}

static void make_if(struct maker *m) {
    uint32_t jump = m->aims && random_chance(&m->low, 30) ? make_null_condition(m) : make_condition(m);
    uint8_t roles[11];
    memcpy(roles, m->roles, sizeof(roles));
    uint64_t stack = m->stack;
    m->depth++;
    make_statements(m, 1 + below(m, 4));
    if (chance(m, 40)) {
        uint32_t over = emit(m, BPF_CLASS_JMP | BPF_JMP_JA, 0, 0, 0, 0);
        land(m, jump);
        uint8_t then_roles[11];
        memcpy(then_roles, m->roles, sizeof(then_roles));
        uint64_t then_stack = m->stack;
        memcpy(m->roles, roles, sizeof(roles));
        m->stack = stack;
        make_statements(m, 1 + below(m, 4));
        land(m, over);
        meet(m, then_roles, then_stack);
    } else {
        land(m, jump);
        meet(m, roles, stack);
    }
    m->depth--;
}

/* A pointer that walks beside the counter of a loop: the register after the counter's, for as long as the loop is open. */
struct walker {
    uint32_t reg;
    int32_t stride, bytes;
};

static struct walker begin_walker(struct maker *m, uint32_t reg, int32_t turns) {
    int32_t size = (int32_t)m->out->program.memory_size, bytes = 1 << below(m, 4);
    int32_t stride = (int32_t)below(m, (uint32_t)(size / turns)) & ~(bytes - 1);
    bool backward = chance(m, 20);
    emit(m, ALU64(MOV) | X, reg, 6, 0, 0);
    emit(m, ALU64(ADD) | K, reg, 0, 0, backward ? (turns - 1) * stride : (int32_t)below(m, chance(m, 80) ? 1 : 8));
    m->roles[reg] = POINTER;
    return (struct walker){reg, backward ? -stride : stride, bytes};
}

/* What a turn does with it: an access, sometimes from the stack, and a step, sometimes of two lengths. */
static void walk(struct maker *m, struct walker w) {
    uint32_t value = writable_number(m);
    if (chance(m, 20)) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, w.reg, -64, 0);
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, w.reg, 10, -64, 0);
    }
    if (chance(m, 50)) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | size_code((uint32_t)w.bytes), w.reg, value, 0, 0);
    } else {
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | size_code((uint32_t)w.bytes), value, w.reg, 0, 0);
    }
    if (chance(m, 20)) {
        emit(m, BPF_CLASS_JMP | BPF_JMP_JSET | K, value, 0, 1, 1);
        emit(m, ALU64(ADD) | K, w.reg, 0, 0, -w.stride / 2 & ~7);
    }
    emit(m, ALU64(ADD) | K, w.reg, 0, 0, w.stride);
}

static void make_loop(struct maker *m) {
    if (m->loops == 3) { return; }
    uint32_t counter = 7 + m->loops, before = m->loops;
    int32_t step = 1 + (int32_t)below(m, 2), end = 1 + (int32_t)below(m, 9);
    bool walks = m->loops < 2 && m->out->program.hook == HOOK_RUN && chance(m, 40);
    struct walker walker = {0};
    if (walks) { walker = begin_walker(m, counter + 1, (end + step - 1) / step); }
    emit(m, ALU64(MOV) | K, counter, 0, 0, 0);
    m->roles[counter] = NUMBER;
    m->loops += walks ? 2 : 1;
    uint32_t head = m->count;
    uint8_t roles[11];
    memcpy(roles, m->roles, sizeof(roles));
    for (uint32_t r = 0; r < 6; r++) { /* what the body may use must hold at each turn: only what it can't lose */
        if (m->roles[r] != NUMBER) { m->roles[r] = UNSET; }
    }
    uint64_t stack = m->stack;
    m->depth++;
    make_statements(m, 1 + below(m, 4));
    m->depth--;
    if (walks) { walk(m, walker); }
    for (uint32_t r = 0; r < 10; r++) { /* gives back the numbers that the next turn expects */
        if (roles[r] == NUMBER && m->roles[r] != NUMBER) {
            emit(m, ALU64(MOV) | K, r, 0, 0, random_imm(&m->random));
            m->roles[r] = NUMBER;
        }
    }
    emit(m, ALU64(ADD) | K, counter, 0, 0, step);
    uint32_t jump = emit(m, (chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32) | BPF_JMP_JLT | K, counter, 0, 0, end);
    if (jump < GENERATED_MAX + 60) { m->out->insns[jump].off = (int16_t)((int32_t)head - (int32_t)jump - 1); }
    m->loops = before;
    meet(m, roles, stack);
}

static void make_statement(struct maker *m) {
    if (m->legacy && random_chance(&m->apart, 10)) { return make_legacy_load(m); }
    if (m->records && chance(m, 8)) { return make_record(m); }
    uint32_t kind = below(m, 100);
    if (kind < 10) {
        make_move(m);
    } else if (kind < 13) {
        make_wide_constant(m);
    } else if (kind < 45) {
        make_alu(m);
    } else if (kind < 60) {
        make_access(m);
    } else if (m->narrow && kind < 65) {
        make_narrow_array(m);
    } else if (kind < 70) {
        make_stack(m);
    } else if (kind < 72) {
        make_spill(m);
    } else if (kind < 74) {
        if (m->narrow && chance(m, 80)) {
            make_narrow_array(m);
        } else {
            make_stack_array(m);
        }
    } else if (kind < 77) {
        make_lookup(m);
    } else if (kind < 79) {
        make_call(m);
    } else if (m->depth < 4) {
        if (kind < 94) {
            make_if(m);
        } else {
            make_loop(m);
        }
    }
}

static void make_statements(struct maker *m, uint32_t count) {
    for (uint32_t i = 0; i < count && !full(m); i++) { make_statement(m); }
}

/* Packet programs begin with the check that makes `memory_size` bytes available. */
static void make_packet_check(struct maker *m, int32_t bytes) {
    if (m->legacy) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, 1, CONTEXT_SLOT, 0); }
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 6, 1, 0, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 2, 1, 8, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_W, 4, 1, 24, 0);
    emit(m, ALU64(MOV) | X, 3, 6, 0, 0);
    emit(m, ALU64(ADD) | K, 3, 0, 0, bytes);
    emit(m, BPF_CLASS_JMP | BPF_JMP_JLE | X, 3, 2, 2, 0);
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
    emit(m, BPF_CLASS_JMP | BPF_JMP_EXIT, 0, 0, 0, 0);
    m->roles[4] = NUMBER;
}

static void make_function(struct maker *m) {
    for (uint32_t i = 0; i < m->call_count; i++) {
        if (m->calls[i] < GENERATED_MAX + 60) { m->out->insns[m->calls[i]].imm = (int32_t)(m->count - m->calls[i] - 1); }
    }
    memset(m->roles, UNSET, sizeof(m->roles));
    m->roles[1] = NUMBER;
    m->stack = 0;
    m->call_count = 4; /* no calls in it */
    m->legacy = false;
    emit(m, ALU64(MOV) | X, 6, 2, 0, 0);
    make_statements(m, 2 + below(m, 6));
    emit(m, ALU64(MOV) | X, 0, number(m), 0, 0);
    emit(m, BPF_CLASS_JMP | BPF_JMP_EXIT, 0, 0, 0, 0);
}

/* With these, seeds of earlier findings (oracle.test.ts) make the programs by which they were found. */
static const uint64_t NARROW_STREAM = 0x6e6172726f7c, RECORD_STREAM = 0x7265636f731f, LOW_STREAM = 0x6c6f77616464;

void begin_program(struct generated *out, enum hook_id hook, uint32_t memory_size) {
    out->maps[ARRAY_MAP] = (struct bpf_map_shape){MAP_TYPE_ARRAY, 4, 24, 4, 0, 0};
    out->maps[HASH_MAP] = (struct bpf_map_shape){MAP_TYPE_HASH, 8, 16, 4, 0, 0};
    out->maps[RING_MAP] = (struct bpf_map_shape){.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = RING_BYTES};
    out->program = (struct bpf_program){.insns = out->insns, .hook = hook, .maps = out->maps, .map_count = WORLD_MAPS, .memory_size = memory_size};
}

void generate(uint64_t seed, struct generated *out) {
    struct random apart = {seed ^ NARROW_STREAM}, records = {seed ^ RECORD_STREAM}; /* so that seeds without it give what they always gave */
    struct maker m = {.random = {seed}, .out = out, .narrow = random_chance(&apart, 30), .records = random_chance(&records, 25)};
    bool packet = chance(&m, 25);
    m.apart = apart;
    m.low = (struct random){seed ^ LOW_STREAM};
    m.aims = random_chance(&m.low, 20);
    m.legacy = packet && random_chance(&m.apart, 40);
    begin_program(out, packet ? HOOK_PACKET : HOOK_RUN, 64 + 8 * below(&m, 9));
    if (packet) {
        make_packet_check(&m, (int32_t)out->program.memory_size);
    } else {
        emit(&m, ALU64(MOV) | X, 6, 1, 0, 0);
        m.roles[2] = NUMBER;
    }
    make_statements(&m, 4 + below(&m, 24));
    emit(&m, ALU64(MOV) | X, 0, number(&m), 0, 0);
    emit(&m, BPF_CLASS_JMP | BPF_JMP_EXIT, 0, 0, 0, 0);
    if (m.call_count != 0) { make_function(&m); }
    out->program.count = m.count < GENERATED_MAX + 60 ? m.count : GENERATED_MAX + 60;
}

void program_of(uint64_t seed, struct generated *out) {
    if (given_count() == 0) { return generate(seed, out); }
    struct given given = given_at((uint32_t)(seed / 4 % given_count()));
    begin_program(out, given.hook, given.memory_size);
    memcpy(out->insns, given.insns, given.count * sizeof(*given.insns));
    out->program.count = given.count;
}

void mutate(uint64_t seed, struct generated *out) {
    struct random random = {seed * 31 + 7};
    uint32_t changes = 1 + random_below(&random, 3);
    for (uint32_t i = 0; i < changes; i++) {
        struct bpf_insn *insn = &out->insns[random_below(&random, out->program.count)];
        switch (random_below(&random, 8)) {
        case 0: insn->opcode = (uint8_t)random_next(&random); break;
        case 1: insn->opcode ^= (uint8_t)(1u << random_below(&random, 8)); break;
        case 2: insn->regs = (uint8_t)(random_below(&random, 11) | random_below(&random, 11) << 4); break;
        case 3: insn->regs = (uint8_t)((insn->regs & 0xf0) | random_below(&random, 10)); break;
        case 4: insn->off = (int16_t)((int32_t)random_below(&random, 32) - 16); break;
        case 5: insn->off = (int16_t)(insn->off + (int32_t)random_below(&random, 9) - 4); break;
        case 6: insn->imm = random_imm(&random); break;
        default: out->insns[random_below(&random, out->program.count)] = *insn; break;
        }
    }
}
