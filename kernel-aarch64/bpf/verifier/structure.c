/* What can be checked without knowing any value: jump targets, reachability, loops that nothing leaves. */

#include "bpf/verifier/structure.h"

#include "lib/mem.h"

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

static enum status check_fall_through(struct verifier *v, uint32_t pc, uint32_t next) {
    if (next >= v->program->count) { return refuse(v, STATUS_FALLS_OFF_END, pc, "the last instruction is not exit or ja"); }
    if ((v->marks[next] & MARK_FUNCTION) != 0) {
        return refuse(v, STATUS_FALLS_OFF_END, pc, "runs on into the function at slot %u", (uint64_t)next);
    }
    return STATUS_OK;
}

/* Where the walk keeps what came by: it must know what is live there. */
static bool comes_back(const struct verifier *v, struct bpf_insn insn, uint8_t shape) {
    bool helper = shape == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_HELPER;
    return shape == SHAPE_MAY_GOTO || (helper && helper_iterates(v->platform, (uint32_t)insn.imm));
}

/* Marks what a jump or call leads to. */
static enum status note_edge(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape, uint8_t reached, bool *settled) {
    if (OTHER_PLATFORMS && is_privileged(v) && comes_back(v, insn, shape)) {
        note_point(v, pc);
        v->marks[pc] |= MARK_TARGET;
    }
    if (shape_jumps(shape)) { return note_target(v, pc, jump_target(insn, shape, pc), MARK_TARGET | reached, settled); }
    return is_local_call(insn, shape) ? note_call(v, pc, jump_target(insn, shape, pc)) : STATUS_OK;
}

/* One sweep: every slot's fields, marks on every target, and what is reached from above. *settled when nothing is left
 * to find out about the edges: no loop, no call, no jump into a 64-bit load, no slot that is not reached. */
static enum status check_slots(struct verifier *v, bool *settled) {
    uint32_t count = v->program->count;
    const struct bpf_insn *insns = v->program->insns;
    uint8_t *marks = v->marks, all_reached = MARK_REACHED, flows = MARK_REACHED; /* from the slot above */
    *settled = true;
    for (uint32_t pc = 0; pc < count; pc++) {
        uint32_t fields, imm;
        __builtin_memcpy(&fields, &insns[pc], sizeof(fields));
        __builtin_memcpy(&imm, &insns[pc].imm, sizeof(imm));
        uint8_t shape = insn_shapes[(uint8_t)fields];
        flows |= marks[pc];
        marks[pc] = flows;
        flows &= MARK_REACHED;
        all_reached &= flows;
        if (!is_plain(fields, imm, &plain[shape])) {
            enum status status = check_slot(v, pc, insn_at(v, pc), shape);
            if (status != STATUS_OK) { return status; }
        }
        uint32_t next = pc + 1;
        if (shape >= SHAPE_JA) {
            enum status status = note_edge(v, pc, insn_at(v, pc), shape, flows, settled);
            if (status != STATUS_OK) { return status; }
            if (shape == SHAPE_JA || shape == SHAPE_JA32 || shape == SHAPE_EXIT) {
                flows = 0;
                continue;
            }
        } else if (shape == SHAPE_LD_IMM64) {
            if (loads_function(insn_at(v, pc), shape)) {
                enum status status = note_call(v, pc, jump_target(insn_at(v, pc), shape, pc));
                if (status != STATUS_OK) { return status; }
            }
            *settled &= (marks[next] & MARK_TARGET) == 0;
            marks[next++] |= MARK_SECOND;
        }
        if (next >= count) { return check_fall_through(v, pc, next); }
        pc = next - 1;
    }
    *settled &= all_reached != 0 && v->loop_count == 0 && v->call_count == 0;
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
            enum status status = check_edge(v, pc, target, !shape_jumps(shape));
            if (status != STATUS_OK) { return status; }
            if (reached) { reach(v, pc, target, sweep); }
        }
        uint32_t next = pc + 1 + (shape == SHAPE_LD_IMM64);
        if (shape != SHAPE_JA && shape != SHAPE_JA32 && shape != SHAPE_EXIT) {
            enum status status = check_fall_through(v, pc, next);
            if (status != STATUS_OK) { return status; }
            if (reached) { v->marks[next] |= MARK_REACHED; }
            bool conditional = shape == SHAPE_COND_K || shape == SHAPE_COND_X || shape == SHAPE_MAY_GOTO;
            if (conditional && v->loop_count != 0) { note_point(v, next); } /* a loop may end here; order.c drops the others */
        }
        pc = next - 1;
    }
    return STATUS_OK;
}

static enum status refuse_sweeps(struct verifier *v) {
    return refuse(v, STATUS_BUDGET_EXCEEDED, 0, "jumps lead backward in too many turns");
}

/* A loop that nothing leaves: from no slot of it is there a way to an exit. Marks grow backward from the exits. */
static enum status check_exits(struct verifier *v) {
    uint32_t count = v->program->count;
    uint8_t *ends = take_memory(v, count);
    if (ends == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small for %u slots", (uint64_t)count); }
    memset(ends, 0, count);
    for (bool again = true; again;) {
        if (!may_sweep(v)) { return refuse_sweeps(v); }
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
        if (!may_sweep(v)) { return refuse_sweeps(v); }
        sweep = (struct sweep){0};
        enum status status = sweep_edges(v, &sweep);
        if (status != STATUS_OK) { return status; }
    } while (sweep.again);
    /* Linux allows such a loop where no run comes: the walk sees whether one does. */
    if (v->loop_count != 0 && !is_privileged(v)) {
        enum status status = check_exits(v);
        if (status != STATUS_OK) { return status; }
    }
    if (sweep.unreached != 0) {
        return refuse(v, STATUS_UNREACHABLE_INSTRUCTION, sweep.unreached - 1, "no way through the program leads to slot %u",
                      (uint64_t)sweep.unreached - 1);
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
