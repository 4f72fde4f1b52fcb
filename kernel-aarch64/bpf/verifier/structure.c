/* What can be checked without knowing any value: fields, jump targets, functions, calls, reachability. */

#include "bpf/verifier/engine.h"
#include "bpf/verifier/instruction.h"
#include "lib/mem.h"

static struct bpf_insn insn_at(const struct verifier *v, uint32_t pc) { return v->program->insns[pc]; }

static enum status refuse_fields(struct verifier *v, uint32_t pc, const char *rule) {
    return refuse(v, STATUS_RESERVED_FIELD, pc, "%s", rule);
}

/* ---- fields of one instruction ---- */

static enum status check_registers(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    if (dst > FRAME_POINTER || src > FRAME_POINTER) {
        return refuse(v, STATUS_BAD_REGISTER, pc, "%r does not exist", dst > FRAME_POINTER ? dst : src);
    }
    return STATUS_OK;
}

static enum status check_written(struct verifier *v, uint32_t pc, uint32_t reg) {
    if (reg == FRAME_POINTER) { return refuse(v, STATUS_FRAME_POINTER_WRITE, pc, "writes r10"); }
    return STATUS_OK;
}

static enum status check_mov_x(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    v->takes_address |= insn_src(insn) == FRAME_POINTER;
    bool is64 = insn_class(insn) == BPF_CLASS_ALU64;
    if (insn.imm != 0) { return refuse_fields(v, pc, "imm of a register move must be 0"); }
    if (insn.off != 0 && insn.off != 8 && insn.off != 16 && !(insn.off == 32 && is64)) {
        return refuse(v, STATUS_RESERVED_FIELD, pc, "off %d of a move is no width to sign-extend from", (int64_t)insn.off);
    }
    return check_written(v, pc, insn_dst(insn));
}

static enum status check_alu(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    v->takes_address |= insn_src(insn) == FRAME_POINTER;
    bool is_register = shape == SHAPE_ALU_X || shape == SHAPE_DIV_X;
    bool divides = shape == SHAPE_DIV_K || shape == SHAPE_DIV_X;
    if (is_register && insn.imm != 0) { return refuse_fields(v, pc, "imm must be 0 when src is a register"); }
    if (!is_register && insn_src(insn) != 0) { return refuse_fields(v, pc, "src must be 0 with an immediate"); }
    if (insn.off != 0 && !(divides && insn.off == 1)) { return refuse_fields(v, pc, "off must be 0 here"); }
    if (shape == SHAPE_NEG && insn.imm != 0) { return refuse_fields(v, pc, "imm of neg must be 0"); }
    return check_written(v, pc, insn_dst(insn));
}

static enum status check_swap(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (insn_src(insn) != 0 || insn.off != 0) { return refuse_fields(v, pc, "src and off of a byte swap must be 0"); }
    if (insn.imm != 16 && insn.imm != 32 && insn.imm != 64) {
        return refuse(v, STATUS_BAD_OPCODE, pc, "byte swap of %d bits; 16, 32 and 64 exist", (int64_t)insn.imm);
    }
    return check_written(v, pc, insn_dst(insn));
}

static bool atomic_exists(int32_t imm) {
    switch ((uint32_t)imm) {
    case BPF_ATOMIC_ADD:
    case BPF_ATOMIC_OR:
    case BPF_ATOMIC_AND:
    case BPF_ATOMIC_XOR:
    case BPF_ATOMIC_ADD | BPF_ATOMIC_FETCH:
    case BPF_ATOMIC_OR | BPF_ATOMIC_FETCH:
    case BPF_ATOMIC_AND | BPF_ATOMIC_FETCH:
    case BPF_ATOMIC_XOR | BPF_ATOMIC_FETCH:
    case BPF_ATOMIC_XCHG:
    case BPF_ATOMIC_CMPXCHG: return true;
    default: return false;
    }
}

static enum status check_atomic(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (!atomic_exists(insn.imm)) {
        return refuse(v, STATUS_ATOMIC_BAD_OPERATION, pc, "imm %x is no atomic operation", (uint64_t)(uint32_t)insn.imm);
    }
    bool returns = (insn.imm & BPF_ATOMIC_FETCH) != 0 && (uint32_t)insn.imm != BPF_ATOMIC_CMPXCHG;
    return returns ? check_written(v, pc, insn_src(insn)) : STATUS_OK;
}

static enum status check_ld_imm64(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (pc + 1 >= v->program->count) { return refuse(v, STATUS_INCOMPLETE_LD_IMM64, pc, "the second slot is missing"); }
    struct bpf_insn next = insn_at(v, pc + 1);
    if (next.opcode != 0 || next.regs != 0 || next.off != 0) {
        return refuse(v, STATUS_INCOMPLETE_LD_IMM64, pc, "the second slot has fields beside imm");
    }
    if (insn.off != 0) { return refuse_fields(v, pc, "off of a 64-bit load must be 0"); }
    uint32_t src = insn_src(insn);
    if (src > 6) { return refuse(v, STATUS_RESERVED_FIELD, pc, "src %u of a 64-bit load has no meaning", (uint64_t)src); }
    if (src > BPF_PSEUDO_IMM64_MAP_VALUE) {
        return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "64-bit load with src %u; 0, 1 and 2 are supported", (uint64_t)src);
    }
    if (src != 0 && (uint32_t)insn.imm >= v->program->map_count) {
        return refuse(v, STATUS_UNKNOWN_MAP, pc, "map %d; the program declares %u", (int64_t)insn.imm,
                      (uint64_t)v->program->map_count);
    }
    if (src == BPF_PSEUDO_IMM64_MAP && next.imm != 0) { return refuse_fields(v, pc, "the upper half of a map load must be 0"); }
    return check_written(v, pc, insn_dst(insn));
}

static enum status check_call(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (insn_dst(insn) != 0 || insn.off != 0) { return refuse_fields(v, pc, "dst and off of a call must be 0"); }
    if (insn_src(insn) == 2) { return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "call by BTF id"); }
    if (insn_src(insn) > 2) { return refuse_fields(v, pc, "src of a call must be 0, 1 or 2"); }
    return STATUS_OK;
}

/* Bits of an instruction that may be set in the plain forms of each shape; src in 12..15, off in 16..31, imm in 32..63.
 * What sets others, or writes r10, is looked at closely. */
static const uint64_t plain_bits[SHAPE_EXIT + 1] = {
    [SHAPE_LDX] = 0xffffffff,
    [SHAPE_LDSX] = 0xffffffff,
    [SHAPE_ST] = 0xffffffffffff0fff,
    [SHAPE_STX] = 0xffffffff,
    [SHAPE_MOV_K] = 0xffffffff00000fff,
    [SHAPE_MOV_X] = 0x0000ffff,
    [SHAPE_ALU_K] = 0xffffffff00000fff,
    [SHAPE_ALU_X] = 0x0000ffff,
    [SHAPE_DIV_K] = 0xffffffff00010fff,
    [SHAPE_DIV_X] = 0x0001ffff,
    [SHAPE_NEG] = 0x00000fff,
    [SHAPE_JA] = 0xffff00ff,
    [SHAPE_JA32] = 0xffffffff000000ff,
    [SHAPE_COND_K] = 0xffffffffffff0fff,
    [SHAPE_COND_X] = 0xffffffff,
    [SHAPE_EXIT] = 0xff,
};

static bool is_plain(struct bpf_insn insn, uint8_t shape) {
    uint64_t word;
    __builtin_memcpy(&word, &insn, sizeof(word));
    bool stores = shape == SHAPE_ST || shape == SHAPE_STX || shape >= SHAPE_JA;
    return word != 0 && (word & ~plain_bits[shape]) == 0 && insn_src(insn) <= FRAME_POINTER - (shape != SHAPE_LDX) && insn_dst(insn) <= FRAME_POINTER - !stores;
}

static enum status check_fields(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    switch (shape) {
    case SHAPE_MOV_X: return check_mov_x(v, pc, insn);
    case SHAPE_MOV_K:
    case SHAPE_ALU_K:
    case SHAPE_ALU_X:
    case SHAPE_DIV_K:
    case SHAPE_DIV_X:
    case SHAPE_NEG: return check_alu(v, pc, insn, shape);
    case SHAPE_SWAP: return check_swap(v, pc, insn);
    case SHAPE_LD_IMM64: return check_ld_imm64(v, pc, insn);
    case SHAPE_LDX:
    case SHAPE_LDSX:
        if (insn.imm != 0) { return refuse_fields(v, pc, "imm of a load must be 0"); }
        return check_written(v, pc, insn_dst(insn));
    case SHAPE_ST: return insn_src(insn) == 0 ? STATUS_OK : refuse_fields(v, pc, "src must be 0 with an immediate");
    case SHAPE_STX: v->takes_address |= insn_src(insn) == FRAME_POINTER; return insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "imm of a register store must be 0");
    case SHAPE_ATOMIC: return check_atomic(v, pc, insn);
    case SHAPE_JA: return insn.regs == 0 && insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "ja has only an off");
    case SHAPE_JA32: return insn.regs == 0 && insn.off == 0 ? STATUS_OK : refuse_fields(v, pc, "gotol has only an imm");
    case SHAPE_COND_K: return insn_src(insn) == 0 ? STATUS_OK : refuse_fields(v, pc, "src must be 0 with an immediate");
    case SHAPE_COND_X: return insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "imm must be 0 when src is a register");
    case SHAPE_CALL: return check_call(v, pc, insn);
    case SHAPE_EXIT: return insn.regs == 0 && insn.off == 0 && insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "exit has no fields");
    case SHAPE_LEGACY_PACKET: return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "legacy packet load; read through ctx->data");
    case SHAPE_CALLX: return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "callx: call through a register");
    default: return refuse(v, STATUS_BAD_OPCODE, pc, "opcode %x", (uint64_t)insn.opcode);
    }
}

/* ---- edges ---- */

static void note_point(struct verifier *v, uint32_t pc) {
    if (pc < v->program->count && v->points[pc] == 0) { v->points[pc] = (uint16_t)++v->point_count; }
}

static enum status note_target(struct verifier *v, uint32_t pc, int64_t target, uint8_t mark, bool *settled) {
    if (target < 0 || target >= (int64_t)v->program->count) {
        return refuse(v, STATUS_JUMP_OUT_OF_PROGRAM, pc, "jump to slot %d of %u", target, (uint64_t)v->program->count);
    }
    *settled &= (v->marks[target] & MARK_SECOND) == 0;
    v->marks[target] |= mark;
    note_point(v, (uint32_t)target);
    v->loop_count += target <= pc;
    return STATUS_OK;
}

static enum status note_call(struct verifier *v, uint32_t pc, int64_t target) {
    if (target < 0 || target >= (int64_t)v->program->count) {
        return refuse(v, STATUS_UNKNOWN_FUNCTION, pc, "call of slot %d", target);
    }
    v->marks[target] |= MARK_FUNCTION;
    note_point(v, (uint32_t)target);
    note_point(v, pc + 1); /* what the caller still needs while the function runs */
    v->call_count++;
    return STATUS_OK;
}

static int64_t jump_target(struct bpf_insn insn, uint8_t shape, uint32_t pc) {
    return (int64_t)pc + 1 + (shape == SHAPE_JA32 || shape == SHAPE_CALL ? insn.imm : insn.off);
}

static bool shape_jumps(uint8_t shape) { return shape >= SHAPE_JA && shape <= SHAPE_COND_X; }
static bool is_local_call(struct bpf_insn insn, uint8_t shape) {
    return shape == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_LOCAL;
}

/* src of a 64-bit load is no register; of what is no instruction, nothing is. */
static bool names_bad_register(struct bpf_insn insn, uint8_t shape) {
    if (insn.regs <= 0xaa && insn_dst(insn) <= FRAME_POINTER) { return false; }
    return shape != SHAPE_BAD && (insn_dst(insn) > FRAME_POINTER || shape != SHAPE_LD_IMM64);
}

static enum status check_fall_through(struct verifier *v, uint32_t pc, uint32_t next) {
    if (next >= v->program->count) { return refuse(v, STATUS_FALLS_OFF_END, pc, "the last instruction is not exit or ja"); }
    if ((v->marks[next] & MARK_FUNCTION) != 0) {
        return refuse(v, STATUS_FALLS_OFF_END, pc, "runs on into the function at slot %u", (uint64_t)next);
    }
    return STATUS_OK;
}

/* One sweep: every slot's fields, marks on every target, and what is reached from above. *settled when nothing is left
 * to find out about the edges: no loop, no call, no jump into a 64-bit load, no slot that is not reached. */
static enum status check_slots(struct verifier *v, bool *settled) {
    uint32_t count = v->program->count;
    *settled = true;
    v->marks[0] = MARK_REACHED;
    for (uint32_t pc = 0; pc < count; pc++) {
        struct bpf_insn insn = insn_at(v, pc);
        uint8_t shape = insn_shapes[insn.opcode], reached = v->marks[pc] & MARK_REACHED;
        enum status status = STATUS_OK;
        if (!is_plain(insn, shape)) {
            status = names_bad_register(insn, shape) ? check_registers(v, pc, insn) : check_fields(v, pc, insn, shape);
            if (status != STATUS_OK) { return status; }
        }
        *settled &= reached != 0;
        uint32_t next = pc + 1;
        if (shape >= SHAPE_JA) {
            if (shape_jumps(shape)) {
                int64_t target = jump_target(insn, shape, pc);
                status = note_target(v, pc, target, MARK_TARGET | reached, settled);
            } else if (is_local_call(insn, shape)) {
                status = note_call(v, pc, jump_target(insn, shape, pc));
            }
            if (status != STATUS_OK) { return status; }
            if (shape == SHAPE_JA || shape == SHAPE_JA32 || shape == SHAPE_EXIT) { continue; }
        } else if (shape == SHAPE_LD_IMM64) {
            *settled &= (v->marks[next] & MARK_TARGET) == 0;
            v->marks[next++] |= MARK_SECOND;
        }
        if (next >= count) { return check_fall_through(v, pc, next); }
        v->marks[next] |= reached;
        pc = next - 1;
    }
    *settled &= v->loop_count == 0 && v->call_count == 0;
    return STATUS_OK;
}

uint32_t function_at(const struct verifier *v, uint32_t insn) {
    uint32_t f = v->function_count - 1;
    while (v->functions[f].start > insn) { f--; }
    return f;
}

static enum status list_functions(struct verifier *v) {
    v->functions[0] = (struct function){0};
    v->function_count = 1;
    for (uint32_t pc = 1; pc < v->program->count && v->call_count != 0; pc++) {
        if ((v->marks[pc] & MARK_FUNCTION) == 0) { continue; }
        if (v->function_count == FUNCTIONS) {
            return refuse(v, STATUS_TOO_MANY_STATES, pc, "more than %u functions", (uint64_t)FUNCTIONS);
        }
        v->functions[v->function_count++] = (struct function){.start = (uint16_t)pc};
    }
    return STATUS_OK;
}

static enum status check_edge(struct verifier *v, uint32_t pc, uint32_t target, bool is_call) {
    if ((v->marks[target] & MARK_SECOND) != 0) {
        return refuse(v, STATUS_JUMP_INTO_LD_IMM64, pc, "slot %u is the second half of a 64-bit load", (uint64_t)target);
    }
    if (!is_call && v->function_count > 1 && function_at(v, pc) != function_at(v, target)) {
        return refuse(v, STATUS_JUMP_OUT_OF_PROGRAM, pc, "jump to slot %u in another function", (uint64_t)target);
    }
    return STATUS_OK;
}

struct sweep {
    bool again;        /* an edge led backward to a slot that was not reached before */
    uint32_t unreached; /* first such slot + 1 */
};

static void reach(struct verifier *v, uint32_t pc, uint32_t target, struct sweep *sweep) {
    if (target <= pc && (v->marks[target] & MARK_REACHED) == 0) { sweep->again = true; }
    v->marks[target] |= MARK_REACHED;
}

/* Follows every edge once, in program order. */
static enum status sweep_edges(struct verifier *v, struct sweep *sweep) {
    uint32_t count = v->program->count;
    for (uint32_t pc = 0; pc < count; pc++) {
        struct bpf_insn insn = insn_at(v, pc);
        uint8_t shape = insn_shapes[insn.opcode];
        if ((v->marks[pc] & MARK_REACHED) == 0 && sweep->unreached == 0) { sweep->unreached = pc + 1; }
        bool reached = (v->marks[pc] & MARK_REACHED) != 0;
        if (shape_jumps(shape) || is_local_call(insn, shape)) {
            uint32_t target = (uint32_t)jump_target(insn, shape, pc);
            enum status status = check_edge(v, pc, target, shape == SHAPE_CALL);
            if (status != STATUS_OK) { return status; }
            if (reached) { reach(v, pc, target, sweep); }
        }
        uint32_t next = pc + 1 + (shape == SHAPE_LD_IMM64);
        if (shape != SHAPE_JA && shape != SHAPE_JA32 && shape != SHAPE_EXIT) {
            enum status status = check_fall_through(v, pc, next);
            if (status != STATUS_OK) { return status; }
            if (reached) { v->marks[next] |= MARK_REACHED; }
            bool conditional = shape == SHAPE_COND_K || shape == SHAPE_COND_X;
            if (conditional && v->loop_count != 0) { note_point(v, next); } /* a loop may end here; order.c drops the others */
        }
        pc = next - 1;
    }
    return STATUS_OK;
}

/* A loop that nothing leaves: from no slot of it is there a way to an exit. Marks grow backward from the exits. */
static enum status check_exits(struct verifier *v) {
    uint32_t count = v->program->count;
    uint8_t *ends = take_memory(v, count);
    if (ends == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small for %u slots", (uint64_t)count); }
    memset(ends, 0, count);
    for (bool again = true; again;) {
        again = false;
        for (uint32_t pc = count; pc-- > 0;) {
            if (ends[pc] != 0 || (v->marks[pc] & MARK_SECOND) != 0) { continue; }
            struct bpf_insn insn = insn_at(v, pc);
            uint8_t shape = insn_shapes[insn.opcode];
            uint32_t next = pc + 1 + (shape == SHAPE_LD_IMM64);
            bool falls = shape != SHAPE_JA && shape != SHAPE_JA32 && shape != SHAPE_EXIT;
            ends[pc] = shape == SHAPE_EXIT || (falls && ends[next] != 0) ||
                       (shape_jumps(shape) && ends[jump_target(insn, shape, pc)] != 0);
            again |= ends[pc] != 0 && (v->marks[pc] & MARK_TARGET) != 0;
        }
    }
    v->free = ends;
    for (uint32_t pc = 0; pc < count; pc++) {
        if (ends[pc] == 0 && (v->marks[pc] & MARK_SECOND) == 0) {
            return refuse(v, STATUS_UNBOUNDED_LOOP, pc, "from here no way leads to exit");
        }
    }
    return STATUS_OK;
}

static enum status check_edges(struct verifier *v) {
    struct sweep sweep;
    v->marks[0] |= MARK_REACHED;
    do {
        sweep = (struct sweep){0};
        enum status status = sweep_edges(v, &sweep);
        if (status != STATUS_OK) { return status; }
    } while (sweep.again);
    if (v->loop_count != 0) {
        enum status status = check_exits(v);
        if (status != STATUS_OK) { return status; }
    }
    if (sweep.unreached != 0) {
        return refuse(v, STATUS_UNREACHABLE_INSTRUCTION, sweep.unreached - 1, "no way through the program leads to slot %u",
                      (uint64_t)sweep.unreached - 1);
    }
    return STATUS_OK;
}

/* Longest chain of calls, by relaxation: each round settles one more level. */
static enum status check_calls(struct verifier *v) {
    uint8_t level[FUNCTIONS] = {1};
    for (uint32_t round = 0; round <= v->function_count; round++) {
        bool changed = false;
        for (uint32_t pc = 0; pc < v->program->count; pc++) {
            struct bpf_insn insn = insn_at(v, pc);
            if (!is_local_call(insn, insn_shapes[insn.opcode]) || (v->marks[pc] & MARK_SECOND) != 0) { continue; }
            uint32_t callee = function_at(v, (uint32_t)jump_target(insn, SHAPE_CALL, pc));
            uint32_t needed = level[function_at(v, pc)] + 1u;
            if (callee == 0 || round == v->function_count) {
                if (callee == 0 || level[callee] < needed) { return refuse(v, STATUS_RECURSION, pc, "calls itself in the end"); }
            }
            if (level[callee] < needed) {
                level[callee] = (uint8_t)needed;
                changed = true;
            }
        }
        if (!changed) { break; }
    }
    for (uint32_t f = 0; f < v->function_count; f++) {
        if (level[f] > BPF_MAX_CALL_FRAMES) {
            return refuse(v, STATUS_CALL_TOO_DEEP, v->functions[f].start, "frame %u of a chain of calls", (uint64_t)level[f]);
        }
        if (level[f] > v->frame_count) { v->frame_count = level[f]; }
    }
    return STATUS_OK;
}

/* Deepest sum of frames on the way to each function, callers first; recursion was excluded. */
enum status check_stack_chain(struct verifier *v) {
    if (v->function_count == 1) { return STATUS_OK; }
    uint32_t above[FUNCTIONS] = {0};
    for (uint32_t round = 0; round < v->function_count; round++) {
        for (uint32_t pc = 0; pc < v->program->count; pc++) {
            struct bpf_insn insn = insn_at(v, pc);
            if (!is_local_call(insn, insn_shapes[insn.opcode]) || (v->marks[pc] & MARK_SECOND) != 0) { continue; }
            uint32_t caller = function_at(v, pc), callee = function_at(v, (uint32_t)jump_target(insn, SHAPE_CALL, pc));
            uint32_t sum = above[caller] + v->functions[caller].stack_bytes;
            if (sum > above[callee]) { above[callee] = sum; }
            if (sum + v->functions[callee].stack_bytes > BPF_STACK_BYTES) {
                return refuse(v, STATUS_STACK_TOO_DEEP, pc, "%u bytes in use here and %u in the function called, %u in all",
                              (uint64_t)sum, (uint64_t)v->functions[callee].stack_bytes, (uint64_t)BPF_STACK_BYTES);
            }
        }
    }
    return STATUS_OK;
}

enum status check_structure(struct verifier *v) {
    uint32_t count = v->program->count;
    v->marks = take_memory(v, count);
    v->points = take_memory(v, count * sizeof(v->points[0]));
    if (v->marks == nullptr || v->points == nullptr) {
        return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small for %u slots", (uint64_t)count);
    }
    memset(v->marks, 0, count);
    memset(v->points, 0, count * sizeof(v->points[0]));
    v->frame_count = 1;
    v->takes_address = false;
    v->call_count = 0;
    note_point(v, 0);
    bool settled;
    enum status status = check_slots(v, &settled);
    if (status == STATUS_OK) { status = list_functions(v); }
    if (status == STATUS_OK && !settled) { status = check_edges(v); }
    if (status == STATUS_OK && v->call_count != 0) { status = check_calls(v); }
    return status;
}
