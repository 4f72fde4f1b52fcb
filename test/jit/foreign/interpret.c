#include "interpret.h"
#include "bpf/interp/alu.h"
#include "bpf/interp/memory.h"
#include "record.h"

enum { LOAD_ACQUIRE = 0x100 }; /* operation of an atomic; what is greater is a store */

struct frame {
    uint64_t regs[11];
    bool in_arena[11]; /* what it holds is an address there: of 32 bits, whatever is added */
    uint32_t pc;
};

static uint64_t address(uint64_t reg, int16_t off) { return (reg >> 32 ? reg : ARENA_ADDR + reg) + (uint64_t)(int64_t)off; }

static uint64_t immediate64(const struct interpreter *i, uint32_t pc) {
    struct bpf_insn insn = i->insns[pc];
    uint32_t high = (uint32_t)i->insns[pc + 1].imm;
    switch (insn_src(insn)) {
    case BPF_PSEUDO_IMM64_MAP: return MAP_COOKIE + (uint32_t)insn.imm * MAP_STEP;
    case BPF_PSEUDO_IMM64_MAP_VALUE: return i->map_value((uint32_t)insn.imm, high);
    case BPF_PSEUDO_IMM64_FUNCTION: return FUNCTION_TAG + pc + 1 + (uint32_t)insn.imm;
    default: return (uint64_t)high << 32 | (uint32_t)insn.imm;
    }
}

static void move_address(struct frame *f, struct bpf_insn insn) {
    uint64_t low = (uint32_t)f->regs[insn_src(insn)];
    bool to_arena = insn.imm == 1;
    f->regs[insn_dst(insn)] = to_arena || low == 0 ? low : ARENA_USER | low;
    f->in_arena[insn_dst(insn)] = to_arena;
}

static bool compute(struct frame *f, struct bpf_insn insn) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    bool from_register = insn.opcode & BPF_SRC_X, moves = (insn.opcode & 0xf0u) == BPF_ALU_MOV;
    if (moves && from_register && insn.off == 1) { return move_address(f, insn), true; }
    uint64_t operand = from_register ? f->regs[src] : (uint64_t)(int64_t)insn.imm;
    if (interp_alu(insn, f->regs[dst], operand, &f->regs[dst]) != STATUS_OK) { return false; }
    bool other = from_register && (insn.opcode & 0xf0u) != BPF_ALU_END && f->in_arena[src];
    f->in_arena[dst] = moves ? other && insn_class(insn) == BPF_CLASS_ALU64 : f->in_arena[dst] || other;
    if (f->in_arena[dst]) { f->regs[dst] = (uint32_t)f->regs[dst]; }
    return true;
}

/* Loads and stores that others see in order are loads and stores. */
static struct bpf_insn as_plain(struct bpf_insn insn) {
    bool ordered = (insn.opcode & 0xe7u) == (BPF_MODE_ATOMIC | BPF_CLASS_STX) && insn.imm >= LOAD_ACQUIRE;
    if (!ordered) { return insn; }
    insn.opcode = (uint8_t)((insn.opcode & 0x18u) | BPF_MODE_MEM | (insn.imm == LOAD_ACQUIRE ? BPF_CLASS_LDX : BPF_CLASS_STX));
    return insn;
}

static bool access(struct frame *f, struct bpf_insn insn) {
    uint64_t *dst = &f->regs[insn_dst(insn)], *src = &f->regs[insn_src(insn)];
    uint32_t class = insn_class(insn);
    if (class == BPF_CLASS_LDX) {
        f->in_arena[insn_dst(insn)] = false;
        return interp_load(insn, address(*src, insn.off), dst) == STATUS_OK;
    }
    uint64_t to = address(*dst, insn.off);
    if (class == BPF_CLASS_ST) { return interp_store(insn, to, (uint64_t)(int64_t)insn.imm) == STATUS_OK; }
    if ((insn.opcode & 0xe0u) != BPF_MODE_ATOMIC) { return interp_store(insn, to, *src) == STATUS_OK; }
    f->in_arena[insn.imm == BPF_ATOMIC_CMPXCHG ? 0 : insn_src(insn)] &= !(insn.imm & BPF_ATOMIC_FETCH);
    return interp_atomic(insn, to, src, &f->regs[0]) == STATUS_OK;
}

static uint64_t call(struct interpreter *i, struct frame *f, struct bpf_insn insn) {
    if (insn_src(insn) != BPF_PSEUDO_CALL_LOCAL) { return i->helper(i, f->pc, f->regs + 1); }
    return interpret(i, f->pc + 1 + (uint32_t)insn.imm, f->regs + 1);
}

/* Returns whether the function goes on. */
static bool jump(struct interpreter *i, struct frame *f, struct bpf_insn insn) {
    uint32_t operation = insn.opcode & 0xf0u;
    bool taken = true, wide = insn.opcode == (BPF_CLASS_JMP32 | BPF_JMP_JA);
    uint64_t operand = insn.opcode & BPF_SRC_X ? f->regs[insn_src(insn)] : (uint64_t)(int64_t)insn.imm;
    if (operation == BPF_JMP_EXIT) { return false; }
    if (operation == BPF_JMP_CALL) {
        f->regs[0] = call(i, f, insn);
        for (uint32_t reg = 0; reg <= 5; reg++) { f->in_arena[reg] = false; }
        f->pc++;
        return true;
    }
    if (operation != BPF_JMP_JA && interp_condition(insn, f->regs[insn_dst(insn)], operand, &taken) != STATUS_OK) { i->failed = true; }
    f->pc += 1 + (taken ? (uint32_t)(wide ? insn.imm : insn.off) : 0);
    return true;
}

/* A legacy load, or 64 bits of the program. Returns whether the function goes on. */
static bool load(struct interpreter *i, struct frame *f, struct bpf_insn insn) {
    if (insn.opcode == (BPF_CLASS_LD | BPF_SIZE_DW)) {
        f->regs[insn_dst(insn)] = immediate64(i, f->pc);
        f->in_arena[insn_dst(insn)] = false;
        f->pc += 2;
        return true;
    }
    uint64_t offset = (uint32_t)insn.imm + (insn.opcode & BPF_MODE_IND ? (uint32_t)f->regs[insn_src(insn)] : 0);
    const uint64_t arguments[5] = {f->regs[6], (uint32_t)offset};
    f->regs[0] = i->helper(i, f->pc, arguments);
    f->in_arena[0] = false;
    f->pc++;
    if ((int64_t)f->regs[0] >= 0) { return true; }
    f->regs[0] = 0;
    return false;
}

static bool step(struct interpreter *i, struct frame *f) {
    struct bpf_insn insn = i->insns[f->pc];
    bool done;
    switch (insn_class(insn)) {
    case BPF_CLASS_LD: return load(i, f, insn);
    case BPF_CLASS_JMP:
    case BPF_CLASS_JMP32: return jump(i, f, insn);
    case BPF_CLASS_ALU:
    case BPF_CLASS_ALU64: done = compute(f, insn); break;
    default: done = access(f, as_plain(insn)); break;
    }
    i->failed |= !done;
    f->pc++;
    return true;
}

uint64_t interpret(struct interpreter *interpreter, uint32_t slot, const uint64_t arguments[5]) {
    struct frame f = {.pc = slot};
    for (uint32_t i = 0; i < 5; i++) { f.regs[1 + i] = arguments[i]; }
    f.regs[10] = (uint64_t)(uintptr_t)interpreter->stack;
    interpreter->stack -= BPF_STACK_BYTES;
    while (!interpreter->failed && interpreter->steps_left > 0 && step(interpreter, &f)) { interpreter->steps_left--; }
    interpreter->failed |= interpreter->steps_left == 0;
    interpreter->stack += BPF_STACK_BYTES;
    return f.regs[0];
}
