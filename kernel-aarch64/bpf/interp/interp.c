/* The reference: one instruction at a time, in the words of RFC 9669. Memory safety is the verifier's business; this only
 * refuses what it cannot decode, so that a gap in the verifier shows as a status and not as a wrong result. */

#include "bpf/interp/interp.h"
#include "bpf/interp/alu.h"
#include "bpf/interp/memory.h"
#include "bpf/interp/vector.h"

/* What a local call keeps for its caller (§4.3.1: r6..r9, and the frame pointer). */
struct caller {
    uint64_t saved[4];
    uint64_t frame_pointer;
    uint32_t return_to;
};

struct machine {
    const struct bpf_program *program;
    const struct interp_environment *environment;
    uint64_t regs[11];
    uint32_t pc; /* slot to execute */
    uint32_t depth; /* local calls that have not returned */
    bool done;
    struct caller callers[BPF_MAX_CALL_FRAMES];
    alignas(16) uint8_t stack[BPF_MAX_CALL_FRAMES * BPF_STACK_BYTES];
};

/* Moves pc by `distance` slots from the one after `insn`. */
static enum status jump(struct machine *m, int64_t distance) {
    int64_t target = (int64_t)m->pc + 1 + distance;
    if (target < 0 || target >= m->program->count) { return STATUS_JUMP_OUT_OF_PROGRAM; }
    m->pc = (uint32_t)target;
    return STATUS_OK;
}

static enum status call_helper(struct machine *m, uint32_t id) {
    uint64_t *r = m->regs;
    if (id - VECTOR_ID_FIRST < VECTOR_COUNT) {
        const struct interp_environment *e = m->environment;
        if (e->vector_observer) { e->vector_observer(e->observer_cookie, m->pc, id, r); }
        r[0] = interp_vector(id, r[1], r[2], r[3], r[4], r[5]);
        return jump(m, 0);
    }
    uint32_t place = helper_place(id);
    if (place >= HELPER_PLACES || !m->environment->helper[place]) { return STATUS_UNKNOWN_HELPER; }
    r[0] = m->environment->helper[place](r[1], r[2], r[3], r[4], r[5]);
    return jump(m, 0);
}

static enum status call_local(struct machine *m, int32_t distance) {
    if (m->depth + 1 >= BPF_MAX_CALL_FRAMES) { return STATUS_CALL_TOO_DEEP; }
    struct caller *caller = &m->callers[m->depth++];
    for (uint32_t i = 0; i < 4; i++) { caller->saved[i] = m->regs[6 + i]; }
    caller->frame_pointer = m->regs[10];
    caller->return_to = m->pc;
    m->regs[10] -= BPF_STACK_BYTES;
    return jump(m, distance);
}

static enum status leave(struct machine *m) {
    if (m->depth == 0) {
        m->done = true;
        return STATUS_OK;
    }
    const struct caller *caller = &m->callers[--m->depth];
    for (uint32_t i = 0; i < 4; i++) { m->regs[6 + i] = caller->saved[i]; }
    m->regs[10] = caller->frame_pointer;
    m->pc = caller->return_to;
    return jump(m, 0);
}

static enum status call(struct machine *m, struct bpf_insn insn) {
    if (insn_src(insn) == BPF_PSEUDO_CALL_HELPER) { return call_helper(m, (uint32_t)insn.imm); }
    if (insn_src(insn) == BPF_PSEUDO_CALL_LOCAL) { return call_local(m, insn.imm); }
    return STATUS_UNSUPPORTED_INSTRUCTION;
}

static uint64_t source(const struct machine *m, struct bpf_insn insn) {
    return insn.opcode & BPF_SRC_X ? m->regs[insn_src(insn)] : (uint64_t)(int64_t)insn.imm;
}

static enum status step_jump(struct machine *m, struct bpf_insn insn) {
    switch (insn.opcode & 0xf0u) {
    case BPF_JMP_JA: return jump(m, insn_class(insn) == BPF_CLASS_JMP32 ? insn.imm : insn.off);
    case BPF_JMP_CALL: return call(m, insn);
    case BPF_JMP_EXIT: return leave(m);
    default: break;
    }
    bool taken;
    enum status status = interp_condition(insn, m->regs[insn_dst(insn)], source(m, insn), &taken);
    if (status) { return status; }
    return jump(m, taken ? insn.off : 0);
}

/* §5.6 (deprecated): from the packet of the context in r6, most significant byte first; outside of it the function ends with 0. */
static enum status load_packet(struct machine *m, struct bpf_insn insn) {
    const struct packet_context *context = (const struct packet_context *)(uintptr_t)m->regs[6];
    bool indirect = insn.opcode & BPF_MODE_IND;
    uint32_t bytes = 4u >> (insn.opcode >> 3 & 3u), at = (uint32_t)insn.imm + (indirect ? (uint32_t)m->regs[insn_src(insn)] : 0);
    if (bytes == 0 || (insn.opcode & 0xe0u) > BPF_MODE_IND) { return STATUS_BAD_OPCODE; }
    m->regs[0] = 0;
    if ((uint64_t)at + bytes > context->data_end - context->data) { return leave(m); }
    const uint8_t *from = (const uint8_t *)(uintptr_t)context->data + at;
    for (uint32_t i = 0; i < bytes; i++) { m->regs[0] = m->regs[0] << 8 | from[i]; }
    return jump(m, 0);
}

/* §5.4: two slots; src says what the 64 bits mean. */
static enum status load_immediate(struct machine *m, struct bpf_insn insn) {
    if (insn.opcode != (BPF_CLASS_LD | BPF_MODE_IMM | BPF_SIZE_DW)) { return STATUS_BAD_OPCODE; }
    if (m->pc + 1 >= m->program->count) { return STATUS_INCOMPLETE_LD_IMM64; }
    uint64_t high = (uint32_t)m->program->insns[m->pc + 1].imm;
    uint64_t *dst = &m->regs[insn_dst(insn)];
    if (insn_src(insn) == BPF_PSEUDO_IMM64_NUMBER) {
        *dst = high << 32 | (uint32_t)insn.imm;
        return jump(m, 1);
    }
    uint32_t map = (uint32_t)insn.imm;
    if (map >= m->program->map_count || map >= MAX_MAPS_PER_PROGRAM) { return STATUS_UNKNOWN_MAP; }
    switch (insn_src(insn)) {
    case BPF_PSEUDO_IMM64_MAP: *dst = m->environment->map_addr[map]; return jump(m, 1);
    case BPF_PSEUDO_IMM64_MAP_VALUE: *dst = m->environment->map_value_addr[map] + high; return jump(m, 1);
    default: return STATUS_UNSUPPORTED_INSTRUCTION;
    }
}

static enum status step_memory(struct machine *m, struct bpf_insn insn) {
    uint64_t *dst = &m->regs[insn_dst(insn)], *src = &m->regs[insn_src(insn)];
    uint64_t displacement = (uint64_t)(int64_t)insn.off;
    switch (insn_class(insn)) {
    case BPF_CLASS_LDX: return interp_load(insn, *src + displacement, dst);
    case BPF_CLASS_ST: return interp_store(insn, *dst + displacement, (uint64_t)(int64_t)insn.imm);
    default: break;
    }
    if ((insn.opcode & 0xe0u) != BPF_MODE_ATOMIC) { return interp_store(insn, *dst + displacement, *src); }
    return interp_atomic(insn, *dst + displacement, src, &m->regs[0]);
}

static enum status step(struct machine *m) {
    struct bpf_insn insn = m->program->insns[m->pc];
    if (insn_dst(insn) > 10 || insn_src(insn) > 10) { return STATUS_BAD_REGISTER; }
    enum status status;
    switch (insn_class(insn)) {
    case BPF_CLASS_LD: return m->program->hook == HOOK_PACKET && (insn.opcode & 0xe0u) != BPF_MODE_IMM ? load_packet(m, insn) : load_immediate(m, insn);
    case BPF_CLASS_JMP:
    case BPF_CLASS_JMP32: return step_jump(m, insn);
    case BPF_CLASS_ALU:
    case BPF_CLASS_ALU64:
        status = interp_alu(insn, m->regs[insn_dst(insn)], source(m, insn), &m->regs[insn_dst(insn)]);
        break;
    default: status = step_memory(m, insn); break;
    }
    return status ? status : jump(m, 0);
}

enum status bpf_interpret(const struct bpf_program *program, const struct interp_environment *environment,
                          uint64_t r1, uint64_t r2, uint64_t step_limit, struct interp_result *result) {
    struct machine m;
    m.program = program;
    m.environment = environment;
    for (uint32_t i = 0; i < 11; i++) { m.regs[i] = 0; }
    m.regs[1] = r1;
    m.regs[2] = r2;
    m.regs[10] = (uint64_t)(uintptr_t)(m.stack + sizeof(m.stack));
    m.pc = 0;
    m.depth = 0;
    m.done = false;
    if (program->count == 0) { return STATUS_EMPTY_PROGRAM; }
    for (result->steps = 0; !m.done; result->steps++) {
        if (result->steps == step_limit) { return STATUS_BUDGET_EXCEEDED; }
        if (environment->observer) { environment->observer(environment->observer_cookie, m.pc, m.regs); }
        enum status status = step(&m);
        if (status) { return status; }
    }
    result->r0 = m.regs[0];
    return STATUS_OK;
}
