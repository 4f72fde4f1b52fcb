/* Registers by role: r6 the memory or the packet; r7..r9 counters, and pointers that move beside them; r0..r5 scratch. Long, as its parts
 * share the state of the maker. */

#include "shapes.h"

#include "bpf/verifier/instruction.h"
#include <string.h>

enum { LONGEST_SHAPE = 120, COUNTER_SLOT = -8, KEPT_SLOT = -64, KEY_SLOT = -72, CONTEXT_SLOT = -80 };

struct maker {
    struct random random;
    struct generated *out;
    uint32_t count, depth, taken; /* registers from r7 on that counters and pointers have */
};

static uint32_t below(struct maker *m, uint32_t limit) { return random_below(&m->random, limit); }
static bool chance(struct maker *m, uint32_t percent) { return random_chance(&m->random, percent); }
static bool full(const struct maker *m) { return m->count >= LONGEST_SHAPE; }

static uint32_t emit(struct maker *m, uint32_t opcode, uint32_t dst, uint32_t src, int32_t off, int32_t imm) {
    m->out->insns[m->count] = (struct bpf_insn){(uint8_t)opcode, (uint8_t)(dst | src << 4), (int16_t)off, imm};
    return m->count++;
}

#define ALU64(op) (BPF_CLASS_ALU64 | BPF_ALU_##op)
#define K BPF_SRC_K
#define X BPF_SRC_X

static void land(struct maker *m, uint32_t jump) { m->out->insns[jump].off = (int16_t)(m->count - jump - 1); }
static void jump_back(struct maker *m, uint32_t jump, uint32_t to) { m->out->insns[jump].off = (int16_t)((int32_t)to - (int32_t)jump - 1); }

static uint32_t compare(struct maker *m, uint32_t op, uint32_t reg, int32_t with) {
    return emit(m, (chance(m, 70) ? BPF_CLASS_JMP : BPF_CLASS_JMP32) | op | K, reg, 0, 0, with);
}

static int32_t room(const struct maker *m) { return (int32_t)m->out->program.memory_size; }

static uint32_t scratch(struct maker *m) { return below(m, 6); }

/* A byte of the memory, maybe with a smaller range. */
static void load_byte(struct maker *m, uint32_t reg) {
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_B, reg, 6, (int32_t)below(m, 32), 0);
    if (chance(m, 30)) { emit(m, ALU64(AND) | K, reg, 0, 0, (int32_t)(1u << below(m, 6)) - 1); }
}

static void access_at(struct maker *m, uint32_t pointer, int32_t off) {
    if (chance(m, 30)) {
        emit(m, BPF_CLASS_ST | BPF_MODE_MEM | BPF_SIZE_B, pointer, 0, off, (int32_t)below(m, 100));
    } else {
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_B, chance(m, 50) ? 0 : pointer, pointer, off, 0);
    }
}

/* A number that was compared is added to the pointer; the check leads behind the access. */
static void make_checked(struct maker *m) {
    uint32_t r = 1 + below(m, 5);
    load_byte(m, r);
    int32_t most = (int32_t)below(m, (uint32_t)room(m) - 2);
    bool over = chance(m, 50);
    uint32_t jump = compare(m, over ? BPF_JMP_JGT : BPF_JMP_JGE, r, over ? most : most + 1);
    emit(m, ALU64(ADD) | X, r, 6, 0, 0);
    access_at(m, r, (int32_t)below(m, 2));
    land(m, jump);
}

/* The same, and meanwhile the number lies on the stack. */
static void make_kept(struct maker *m) {
    uint32_t r = 1 + below(m, 5), again = 1 + below(m, 5);
    load_byte(m, r);
    uint32_t before = chance(m, 50) ? emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, r, KEPT_SLOT, 0) : 0;
    uint32_t jump = compare(m, BPF_JMP_JGT, r, (int32_t)below(m, (uint32_t)room(m) - 2));
    if (before == 0) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, r, KEPT_SLOT, 0); }
    if (chance(m, 50)) { emit(m, ALU64(MOV) | K, r, 0, 0, (int32_t)below(m, 8)); }
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, again, 10, KEPT_SLOT, 0);
    emit(m, ALU64(ADD) | X, again, 6, 0, 0);
    access_at(m, again, (int32_t)below(m, 2));
    land(m, jump);
}

/* A pointer or null, where ways meet; what says which is the pointer itself, or a flag. */
static void make_nullable(struct maker *m) {
    uint32_t p = 1 + below(m, 5), flag = 1 + below(m, 5), asked = chance(m, 60) || flag == p ? p : flag;
    load_byte(m, 0);
    emit(m, ALU64(MOV) | X, p, 6, 0, 0);
    if (flag != p) { emit(m, ALU64(MOV) | K, flag, 0, 0, 1); }
    uint32_t jump = compare(m, BPF_JMP_JGT, 0, (int32_t)below(m, 200));
    emit(m, ALU64(MOV) | K, p, 0, 0, 0);
    if (flag != p) { emit(m, ALU64(MOV) | K, flag, 0, 0, 0); }
    land(m, jump);
    uint32_t none = emit(m, BPF_CLASS_JMP | BPF_JMP_JEQ | K, asked, 0, 0, 0);
    access_at(m, p, (int32_t)below(m, 32));
    land(m, none);
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
}

/* A value of a map, or null, which may wait on the stack until it is compared. */
static void make_value(struct maker *m) {
    uint32_t map = chance(m, 40) ? HASH_MAP : ARRAY_MAP;
    emit(m, BPF_CLASS_ST | BPF_MODE_MEM | BPF_SIZE_DW, 10, 0, KEY_SLOT, (int32_t)below(m, 5));
    emit(m, ALU64(MOV) | X, 2, 10, 0, 0);
    emit(m, ALU64(ADD) | K, 2, 0, 0, KEY_SLOT);
    emit(m, BPF_CLASS_LD | BPF_SIZE_DW, 1, BPF_PSEUDO_IMM64_MAP, 0, (int32_t)map);
    emit(m, 0, 0, 0, 0, 0);
    emit(m, BPF_CLASS_JMP | BPF_JMP_CALL, 0, 0, 0, 1);
    uint32_t p = chance(m, 50) ? 0 : 1 + below(m, 5);
    if (p != 0) { emit(m, ALU64(MOV) | X, p, 0, 0, 0); }
    if (chance(m, 30)) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, p, KEPT_SLOT, 0);
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, p, 10, KEPT_SLOT, 0);
    }
    if (chance(m, 30)) { /* on one way there is none */
        load_byte(m, (p + 1) % 6);
        uint32_t jump = compare(m, BPF_JMP_JGT, (p + 1) % 6, (int32_t)below(m, 200));
        emit(m, ALU64(MOV) | K, p, 0, 0, 0);
        land(m, jump);
    }
    uint32_t none = emit(m, BPF_CLASS_JMP | BPF_JMP_JEQ | K, chance(m, 80) ? p : 0, 0, 0, 0);
    access_at(m, p, (int32_t)below(m, m->out->maps[map].value_size));
    land(m, none);
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
}

/* Two numbers, one on each way, and then the sum with the pointer. */
static void make_either(struct maker *m) {
    uint32_t r = 1 + below(m, 5), asked = (r + 1) % 6;
    load_byte(m, asked);
    emit(m, ALU64(MOV) | K, r, 0, 0, (int32_t)below(m, (uint32_t)room(m) - 2));
    uint32_t jump = compare(m, BPF_JMP_JGT, asked, (int32_t)below(m, 200));
    emit(m, ALU64(MOV) | K, r, 0, 0, (int32_t)below(m, (uint32_t)room(m) - 2));
    land(m, jump);
    emit(m, ALU64(ADD) | X, r, 6, 0, 0);
    access_at(m, r, (int32_t)below(m, 2));
}

/* Behind a packet's first byte by a number, with the check that it is there. */
static void make_packet(struct maker *m) {
    uint32_t p = 1 + below(m, 3), end = 4, copy = 5;
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, end, 10, CONTEXT_SLOT, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, end, end, 8, 0);
    load_byte(m, p);
    emit(m, ALU64(ADD) | X, p, 6, 0, 0);
    int32_t bytes = 1 + (int32_t)below(m, 8);
    emit(m, ALU64(MOV) | X, copy, p, 0, 0);
    emit(m, ALU64(ADD) | K, copy, 0, 0, bytes);
    uint32_t jump = emit(m, BPF_CLASS_JMP | BPF_JMP_JGT | X, copy, end, 0, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_B, 0, chance(m, 80) ? p : copy, chance(m, 80) ? (int32_t)below(m, (uint32_t)bytes) : -1, 0);
    land(m, jump);
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
}

static void make_block(struct maker *m);

/* A counter in a register or on the stack, from which a turn takes it. */
struct counter {
    uint32_t reg;
    bool on_stack;
    int32_t slot, from, step, end;
};

static void count(struct maker *m, struct counter c) {
    if (c.on_stack) { emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, c.reg, 10, c.slot, 0); }
    emit(m, (chance(m, 80) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU) | BPF_ALU_ADD | K, c.reg, 0, 0, c.step);
    if (c.on_stack) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, c.reg, c.slot, 0); }
}

static uint32_t goes_on(struct maker *m, struct counter c) {
    static const uint32_t up[] = {BPF_JMP_JLT, BPF_JMP_JLE, BPF_JMP_JSLT, BPF_JMP_JNE}, down[] = {BPF_JMP_JGT, BPF_JMP_JSGT, BPF_JMP_JGE, BPF_JMP_JNE};
    return compare(m, c.step > 0 ? up[below(m, 4)] : down[below(m, 4)], c.reg, c.end);
}

static struct counter begin_count(struct maker *m) {
    struct counter c = {.reg = 7 + m->taken, .on_stack = chance(m, 25), .slot = COUNTER_SLOT * (1 + (int32_t)m->depth)};
    int32_t turns = 1 + (int32_t)below(m, chance(m, 80) ? 9 : 40);
    c.step = 1 + (int32_t)below(m, chance(m, 80) ? 1 : 4);
    c.end = turns * c.step;
    if (chance(m, 30)) { c = (struct counter){c.reg, c.on_stack, c.slot, c.end, -c.step, 0}; }
    if (chance(m, 20)) { /* from wherever, as far as it is small */
        load_byte(m, c.reg);
        if (c.step < 0) { emit(m, ALU64(ADD) | K, c.reg, 0, 0, 1); }
    } else {
        emit(m, ALU64(MOV) | K, c.reg, 0, 0, c.from);
    }
    if (c.on_stack) {
        emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, c.reg, c.slot, 0);
        c.reg = chance(m, 50) ? 1 + below(m, 5) : c.reg;
    } else {
        m->taken++;
    }
    return c;
}

/* What a turn does with what the counter says. */
static void use_counter(struct maker *m, struct counter c) {
    uint32_t r = 1 + below(m, 5);
    if (c.on_stack) {
        emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, r, 10, c.slot, 0);
    } else {
        emit(m, ALU64(MOV) | X, r, c.reg, 0, 0);
    }
    if (chance(m, 30)) {
        uint32_t jump = compare(m, BPF_JMP_JGT, r, (int32_t)below(m, (uint32_t)room(m) - 2));
        emit(m, ALU64(ADD) | X, r, 6, 0, 0);
        access_at(m, r, (int32_t)below(m, 2));
        land(m, jump);
    } else {
        emit(m, ALU64(ADD) | X, r, 6, 0, 0);
        access_at(m, r, (int32_t)below(m, 2));
    }
}

/* Two ways lead to the head, and one of them begins elsewhere. */
static void begin_twice(struct maker *m, struct counter c) {
    uint32_t reg = c.on_stack ? 5 : c.reg;
    bool changes = chance(m, 70);
    int32_t from = chance(m, 60) ? c.end : (int32_t)below(m, 9);
    load_byte(m, 0);
    if (changes) { emit(m, ALU64(MOV) | K, reg, 0, 0, chance(m, 50) ? from : c.from); }
    if (changes && c.on_stack) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, reg, c.slot, 0); }
    uint32_t jump = compare(m, BPF_JMP_JGT, 0, (int32_t)below(m, 200));
    emit(m, ALU64(MOV) | K, changes ? reg : 0, 0, 0, chance(m, 50) ? c.from : from);
    if (changes && c.on_stack) { emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, reg, c.slot, 0); }
    land(m, jump);
}

static void make_loop(struct maker *m) {
    if (m->depth == 3 || m->taken >= 2) { return; }
    uint32_t before = m->taken, out = 0, first = 0;
    bool walks = chance(m, 35), leaves = chance(m, 35), asks_first = chance(m, 25);
    int32_t stride = (int32_t)below(m, 5);
    struct counter c = begin_count(m);
    if (chance(m, 30)) { begin_twice(m, c); }
    walks = walks && m->taken < 3;
    uint32_t walker = 7 + m->taken;
    if (walks) {
        emit(m, ALU64(MOV) | X, walker, 6, 0, 0);
        m->taken++;
    }
    uint32_t head = m->count;
    if (asks_first) { /* at the top */
        if (c.on_stack) { emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, c.reg, 10, c.slot, 0); }
        first = compare(m, c.step > 0 ? BPF_JMP_JGE : BPF_JMP_JLE, c.reg, c.end);
    }
    m->depth++;
    if (chance(m, 50)) { use_counter(m, c); }
    if (chance(m, 50) && !full(m)) { make_block(m); }
    m->depth--;
    if (walks) {
        access_at(m, walker, 0);
        if (m->out->insns[m->count - 1].opcode != (BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_B) || insn_dst(m->out->insns[m->count - 1]) != walker) {
            emit(m, ALU64(ADD) | K, walker, 0, 0, stride);
        }
    }
    if (leaves) {
        load_byte(m, 0);
        out = compare(m, BPF_JMP_JEQ, 0, (int32_t)below(m, 4));
    }
    count(m, c);
    uint32_t back = asks_first ? emit(m, BPF_CLASS_JMP | BPF_JMP_JA, 0, 0, 0, 0) : goes_on(m, c);
    jump_back(m, back, head);
    if (asks_first) { land(m, first); }
    if (leaves) { land(m, out); }
    m->taken = before;
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
}

static void make_if(struct maker *m) {
    load_byte(m, 0);
    uint32_t jump = compare(m, BPF_JMP_JGT, 0, (int32_t)below(m, 200));
    m->depth++;
    make_block(m);
    m->depth--;
    land(m, jump);
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
}

static void make_block(struct maker *m) {
    if (full(m)) { return; }
    uint32_t kind = below(m, 100);
    if (kind < 45 && m->depth < 3) { return make_loop(m); }
    if (kind < 52 && m->depth < 3) { return make_if(m); }
    switch (below(m, m->out->program.hook == HOOK_PACKET ? 7 : 6)) {
    case 0: return make_checked(m);
    case 1: return make_kept(m);
    case 2: return make_nullable(m);
    case 3: return make_value(m);
    case 4: return make_either(m);
    case 5: return load_byte(m, scratch(m));
    default: return make_packet(m);
    }
}

static void begin_packet(struct maker *m) {
    emit(m, BPF_CLASS_STX | BPF_MODE_MEM | BPF_SIZE_DW, 10, 1, CONTEXT_SLOT, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 6, 1, 0, 0);
    emit(m, BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW, 2, 1, 8, 0);
    emit(m, ALU64(MOV) | X, 3, 6, 0, 0);
    emit(m, ALU64(ADD) | K, 3, 0, 0, room(m));
    emit(m, ALU64(MOV) | K, 0, 0, 0, 0);
    uint32_t jump = emit(m, BPF_CLASS_JMP | BPF_JMP_JLE | X, 3, 2, 0, 0);
    emit(m, BPF_CLASS_JMP | BPF_JMP_EXIT, 0, 0, 0, 0);
    land(m, jump);
}

void shape_of(uint64_t seed, struct generated *out) {
    struct maker m = {.random = {seed * 0x2545f4914f6cdd1du + 11}, .out = out};
    bool packet = chance(&m, 20);
    begin_program(out, packet ? HOOK_PACKET : HOOK_RUN, 64 + 8 * below(&m, 9));
    if (packet) {
        begin_packet(&m);
    } else {
        emit(&m, ALU64(MOV) | X, 6, 1, 0, 0);
        emit(&m, ALU64(MOV) | K, 0, 0, 0, 0);
    }
    uint32_t blocks = 1 + below(&m, 3);
    for (uint32_t i = 0; i < blocks; i++) { make_block(&m); }
    emit(&m, ALU64(MOV) | K, 0, 0, 0, 0);
    emit(&m, BPF_CLASS_JMP | BPF_JMP_EXIT, 0, 0, 0, 0);
    out->program.count = m.count;
}

/* ---- changes ---- */

static bool is_conditional(struct bpf_insn insn) { return insn_shapes[insn.opcode] == SHAPE_COND_K || insn_shapes[insn.opcode] == SHAPE_COND_X; }

/* One that is a condition, mostly, or any. */
static struct bpf_insn *choose(struct random *random, struct generated *out) {
    uint32_t start = random_below(random, out->program.count);
    for (uint32_t i = 0; i < out->program.count && random_chance(random, 95); i++) {
        struct bpf_insn *insn = &out->insns[(start + i) % out->program.count];
        if (is_conditional(*insn)) { return insn; }
    }
    return &out->insns[start];
}

static int32_t nearby(struct random *random, int32_t imm) { return (int32_t)((uint32_t)imm + random_below(random, 9) - 4); }

static void alter_one(struct random *random, struct generated *out) {
    struct bpf_insn *insn = choose(random, out), *any = &out->insns[random_below(random, out->program.count)];
    switch (random_below(random, 9)) {
    case 0: *insn = (struct bpf_insn){BPF_CLASS_JMP | BPF_JMP_JA, 0, 0, 0}; break; /* the check is gone */
    case 1: insn->off = 0; break;
    case 2: insn->imm = nearby(random, insn->imm); break;
    case 3: insn->imm = random_imm(random); break;
    case 4: insn->opcode ^= (uint8_t)(16u << random_below(random, 4)); break; /* another comparison */
    case 5: insn->off = (int16_t)(insn->off + (int32_t)random_below(random, 7) - 3); break;
    case 6: any->regs = (uint8_t)((any->regs & 0xf0) | random_below(random, 10)); break;
    case 7: any->imm = nearby(random, any->imm); break;
    default: any->off = (int16_t)(any->off + (int32_t)random_below(random, 17) - 8); break;
    }
}

void alter(struct random *random, struct generated *out) {
    for (uint32_t changes = 1 + random_below(random, 2); changes != 0; changes--) { alter_one(random, out); }
}
