/* Given programs (given.h), as they are or changed so that most still verify: other registers, constants, operators, compares, widths, a
 * slot more or less. */

#include "bpf/jit/effect.h"
#include "generator.h"
#include "given.h"
#include "random.h"
#include "slots.h"
#include <string.h>

struct change {
    struct random random;
    struct generated *out;
};

static uint32_t below(struct change *c, uint32_t limit) { return random_below(&c->random, limit); }
static bool chance(struct change *c, uint32_t percent) { return random_chance(&c->random, percent); }

static bool is_alu(struct bpf_insn insn) { return insn_class(insn) == BPF_CLASS_ALU || insn_class(insn) == BPF_CLASS_ALU64; }
static bool is_memory(struct bpf_insn insn) { return insn_class(insn) >= BPF_CLASS_LDX && insn_class(insn) <= BPF_CLASS_STX; }
static bool is_conditional(struct bpf_insn insn) {
    uint32_t class = insn_class(insn), op = insn.opcode & 0xf0u;
    return (class == BPF_CLASS_JMP || class == BPF_CLASS_JMP32) && op != BPF_JMP_JA && op != BPF_JMP_CALL && op != BPF_JMP_EXIT;
}

/* Some slot of the kind, looked for from anywhere; null when there is none. */
static struct bpf_insn *find(struct change *c, bool (*is_such)(struct bpf_insn)) {
    uint32_t count = c->out->program.count, from = below(c, count);
    for (uint32_t i = 0; i < count; i++) {
        struct bpf_insn *insn = &c->out->insns[(from + i) % count];
        if (is_such(*insn)) { return insn; }
    }
    return nullptr;
}

/* Whether every register can be another: a call and a compare-and-exchange name some by themselves. */
static bool names_all(const struct generated *g) {
    for (uint32_t i = 0; i < g->program.count; i++) {
        struct bpf_insn insn = g->insns[i];
        bool exchanges = insn_class(insn) == BPF_CLASS_STX && (insn.opcode & 0xe0u) == BPF_MODE_ATOMIC && (uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG;
        if (exchanges || insn.opcode == (BPF_CLASS_JMP | BPF_JMP_CALL)) { return false; }
    }
    return true;
}

static void insert(struct generated *g, uint32_t at, struct bpf_insn insn) {
    if (g->program.count < MAX_PROGRAM_INSNS) { replace_slots(g, at, at, &insn, 1); }
}

static struct bpf_insn copy(uint32_t dst, uint32_t src) {
    return (struct bpf_insn){BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X, (uint8_t)(dst | src << 4), 0, 0};
}

/* Every register gets another number; r0 is put in its place before each exit, r1 into another where the program begins. */
static void rename_registers(struct change *c) {
    uint8_t names[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    bool all = names_all(c->out);
    uint32_t low = all ? 0 : 6, count = c->out->program.count;
    for (uint32_t r = 9; r > low; r--) {
        uint32_t other = low + below(c, r - low + 1);
        uint8_t kept = names[r];
        names[r] = names[other];
        names[other] = kept;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct bpf_insn *insn = &c->out->insns[i];
        uint32_t effect = effects[insn->opcode], dst = insn_dst(*insn), src = insn_src(*insn);
        if (effect & (EFFECT_SETS_DST | EFFECT_READS_DST)) { dst = names[dst]; }
        if (effect & EFFECT_READS_SRC) { src = names[src]; }
        insn->regs = (uint8_t)(dst | src << 4);
    }
    if (!all) { return; }
    for (uint32_t i = count; i-- > 0;) {
        bool wide = i > 0 && is_wide_constant(c->out->insns[i - 1]);
        bool ends = !wide && c->out->insns[i].opcode == (BPF_CLASS_JMP | BPF_JMP_EXIT);
        if (!ends || names[0] == 0 || c->out->program.count == MAX_PROGRAM_INSNS) { continue; }
        replace_slots(c->out, i, i + 1, (struct bpf_insn[]){copy(0, names[0]), c->out->insns[i]}, 2);
    }
    if (names[1] != 1) { insert(c->out, 0, copy(names[1], 1)); }
}

/* Where an instruction has one. */
static void change_constant(struct change *c, struct bpf_insn *insn) {
    if (effects[insn->opcode] & EFFECT_READS_SRC || (is_alu(*insn) && (insn->opcode & 0xf0u) >= BPF_ALU_END)) { return; }
    insn->imm = chance(c, 60) ? insn->imm + (int32_t)below(c, 5) - 2 : random_imm(&c->random);
}

/* Another register in the place of what it reads, if it reads one. */
static void change_source(struct change *c, struct bpf_insn *insn) {
    if (effects[insn->opcode] & EFFECT_READS_SRC) { insn->regs = (uint8_t)(insn_dst(*insn) | below(c, 10) << 4); }
}

static void change_alu(struct change *c) {
    static const uint8_t ops[] = {BPF_ALU_ADD, BPF_ALU_ADD, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_OR, BPF_ALU_AND, BPF_ALU_XOR, BPF_ALU_RSH, BPF_ALU_MOV};
    struct bpf_insn *insn = find(c, is_alu);
    if (insn == nullptr) { return; }
    switch (below(c, 4)) {
    case 0: insn->opcode ^= BPF_CLASS_ALU ^ BPF_CLASS_ALU64; break;
    case 1: insn->opcode = (uint8_t)((insn->opcode & 0xfu) | ops[below(c, sizeof(ops))]); break;
    case 2: change_constant(c, insn); break;
    default: change_source(c, insn); break;
    }
}

static void change_compare(struct change *c) {
    static const uint8_t ops[] = {BPF_JMP_JEQ, BPF_JMP_JNE, BPF_JMP_JGT, BPF_JMP_JGE, BPF_JMP_JLT, BPF_JMP_JLE,
                                  BPF_JMP_JSGT, BPF_JMP_JSGE, BPF_JMP_JSLT, BPF_JMP_JSLE, BPF_JMP_JSET};
    struct bpf_insn *insn = find(c, is_conditional);
    if (insn == nullptr) { return; }
    switch (below(c, 6)) {
    case 0: insn->opcode ^= BPF_CLASS_JMP ^ BPF_CLASS_JMP32; break;
    case 1: insn->opcode = (uint8_t)((insn->opcode & 0xfu) | ops[below(c, sizeof(ops))]); break;
    case 2: change_constant(c, insn); break;
    case 3: change_source(c, insn); break;
    case 4: insn->off = (int16_t)(insn->off + (int32_t)below(c, 5) - 2); break;
    default: insn->regs = (uint8_t)((insn->regs & 0xf0u) | below(c, 10)); break;
    }
}

static void change_access(struct change *c) {
    struct bpf_insn *insn = find(c, is_memory);
    if (insn == nullptr || (insn->opcode & 0xe0u) == BPF_MODE_ATOMIC) { return; }
    switch (below(c, 5)) {
    case 0: insn->opcode = (uint8_t)((insn->opcode & ~0x18u) | below(c, 4) << 3); break;
    case 1: insn->off = (int16_t)(insn->off + 8 * ((int32_t)below(c, 5) - 2)); break;
    case 2: insn->off = (int16_t)(insn->off + ((int32_t)below(c, 9) - 4)); break;
    case 3:
        if (insn_class(*insn) == BPF_CLASS_ST) { insn->imm = random_imm(&c->random); }
        break;
    default:
        if (insn_class(*insn) == BPF_CLASS_LDX) { insn->regs = (uint8_t)((insn->regs & 0xf0u) | below(c, 10)); }
        if (insn_class(*insn) == BPF_CLASS_STX) { change_source(c, insn); }
        break;
    }
}

static struct bpf_insn any_insn(struct change *c) {
    static const uint8_t ops[] = {BPF_ALU_ADD, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_OR, BPF_ALU_AND, BPF_ALU_XOR, BPF_ALU_MOV, BPF_ALU_MOV, BPF_ALU_LSH, BPF_ALU_RSH, BPF_ALU_ARSH};
    uint32_t op = ops[below(c, sizeof(ops))], class = chance(c, 60) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU;
    bool shifts = op == BPF_ALU_LSH || op == BPF_ALU_RSH || op == BPF_ALU_ARSH, exact = chance(c, 50);
    int32_t imm = shifts ? (int32_t)below(c, 32) : random_imm(&c->random);
    return (struct bpf_insn){(uint8_t)(class | op | (exact ? BPF_SRC_K : BPF_SRC_X)), (uint8_t)(below(c, 10) | (exact ? 0 : below(c, 10) << 4)), 0, exact ? imm : 0};
}

/* Two slots beside each other, or a copy of one somewhere else. */
static void move_slots(struct change *c) {
    uint32_t count = c->out->program.count, at = below(c, count);
    struct bpf_insn *insns = c->out->insns, kept = insns[at];
    if (chance(c, 60) && at + 1 < count) {
        insns[at] = insns[at + 1];
        insns[at + 1] = kept;
    } else if (is_alu(kept) || is_memory(kept)) {
        insert(c->out, below(c, count), kept);
    }
}

static void change(struct change *c) {
    uint32_t at = below(c, c->out->program.count);
    switch (below(c, 10)) {
    case 0:
    case 1:
    case 2: return change_alu(c);
    case 3:
    case 4: return change_compare(c);
    case 5: return change_access(c);
    case 6: return move_slots(c);
    case 7: return insert(c->out, at, any_insn(c));
    case 8: return c->out->program.count > 2 ? remove_slots(c->out, at, at + 1) : (void)0;
    default: return rename_registers(c);
    }
}

void program_of(uint64_t seed, struct generated *out) {
    if (given_count() == 0) { return generate(seed, out); }
    struct change c = {{seed * 0x9e3779b97f4a7c15u ^ 0x676976656e}, out};
    struct given given = given_at(below(&c, given_count()));
    memcpy(out->insns, given.insns, given.count * sizeof(*given.insns));
    describe_program(out, given.count, given.memory_size);
    out->program.hook = given.hook;
    if (chance(&c, 40)) { rename_registers(&c); }
    for (uint32_t changes = chance(&c, 15) ? 0 : 1 + below(&c, 4); changes > 0; changes--) { change(&c); }
}
