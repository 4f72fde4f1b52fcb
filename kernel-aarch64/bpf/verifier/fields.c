/* Fields of one instruction: RFC 9669 §3 and the tables of §4 and §5. */

#include "bpf/verifier/structure.h"

static enum status refuse_fields(struct verifier *v, uint32_t pc, const char *rule) {
    return refuse(v, STATUS_RESERVED_FIELD, pc, "%s", rule);
}

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

/* Linux refuses it where a run comes there. */
static enum status check_dst(struct verifier *v, uint32_t pc, uint32_t reg) {
    if (reg != FRAME_POINTER || !is_privileged(v)) { return check_written(v, pc, reg); }
    return v->follows_callbacks ? STATUS_OK : refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "certificates do not follow writes of r10");
}

/* Of a program with an arena; it has one at most. */
static enum status check_cast(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (insn.imm != PLATFORM_CAST_TO_ARENA && insn.imm != PLATFORM_CAST_TO_USER) {
        return refuse(v, STATUS_RESERVED_FIELD, pc, "imm %x of a cast names no address spaces", (uint64_t)(uint32_t)insn.imm);
    }
    if (!v->follows_callbacks) { return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "certificates do not follow casts between address spaces"); }
    for (uint32_t i = 0; i < v->program->map_count; i++) {
        if (v->program->maps[i].type == PLATFORM_MAP_ARENA) { return check_dst(v, pc, insn_dst(insn)); }
    }
    return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "a cast between address spaces in a program without an arena");
}

static enum status check_mov_x(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    v->takes_address |= insn_src(insn) == FRAME_POINTER;
    bool is64 = insn_class(insn) == BPF_CLASS_ALU64;
    if (OTHER_PLATFORMS && is64 && insn.off == PLATFORM_CAST && is_privileged(v)) { return check_cast(v, pc, insn); }
    if (insn.imm != 0) { return refuse_fields(v, pc, "imm of a register move must be 0"); }
    if (insn.off != 0 && insn.off != 8 && insn.off != 16 && !(insn.off == 32 && is64)) {
        return refuse(v, STATUS_RESERVED_FIELD, pc, "off %d of a move is no width to sign-extend from", (int64_t)insn.off);
    }
    return check_dst(v, pc, insn_dst(insn));
}

static enum status check_alu(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    v->takes_address |= insn_src(insn) == FRAME_POINTER;
    bool is_register = shape == SHAPE_ALU_X || shape == SHAPE_DIV_X;
    bool divides = shape == SHAPE_DIV_K || shape == SHAPE_DIV_X;
    if (is_register && insn.imm != 0) { return refuse_fields(v, pc, "imm must be 0 when src is a register"); }
    if (!is_register && insn_src(insn) != 0) { return refuse_fields(v, pc, "src must be 0 with an immediate"); }
    if (insn.off != 0 && !(divides && insn.off == 1)) { return refuse_fields(v, pc, "off must be 0 here"); }
    if (shape == SHAPE_NEG && insn.imm != 0) { return refuse_fields(v, pc, "imm of neg must be 0"); }
    return check_dst(v, pc, insn_dst(insn));
}

static enum status check_swap(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (insn_src(insn) != 0 || insn.off != 0) { return refuse_fields(v, pc, "src and off of a byte swap must be 0"); }
    if (insn.imm != 16 && insn.imm != 32 && insn.imm != 64) {
        return refuse(v, STATUS_BAD_OPCODE, pc, "byte swap of %d bits; 16, 32 and 64 exist", (int64_t)insn.imm);
    }
    return check_dst(v, pc, insn_dst(insn));
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
    if (is_privileged(v) && atomic_is_ordered(insn.imm)) {
        return insn.imm == PLATFORM_LOAD_ACQUIRE ? check_written(v, pc, insn_dst(insn)) : STATUS_OK;
    }
    if (access_bytes(insn.opcode) < 4) { return refuse(v, STATUS_BAD_OPCODE, pc, "opcode %x", (uint64_t)insn.opcode); }
    if (!atomic_exists(insn.imm)) {
        return refuse(v, STATUS_ATOMIC_BAD_OPERATION, pc, "imm %x is no atomic operation", (uint64_t)(uint32_t)insn.imm);
    }
    bool returns = (insn.imm & BPF_ATOMIC_FETCH) != 0 && (uint32_t)insn.imm != BPF_ATOMIC_CMPXCHG;
    return returns ? check_written(v, pc, insn_src(insn)) : STATUS_OK;
}

static bool is_one_of(uint32_t type, uint64_t types) { return type < 64 && (types >> type & 1) != 0; }

static bool is_second(const struct verifier *v, uint32_t map) {
    uint32_t type = v->program->maps[map].type, first = 0;
    while (v->program->maps[first].type != type) { first++; }
    return is_one_of(type, v->platform->single_maps) && first != map;
}

/* What in its values programs of this type can not have, or null. */
static const char *field_forbidden(const struct verifier *v, uint32_t map) {
    for (uint32_t i = 0; i < v->program->field_count; i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->map != map) { continue; }
        if (field->kind == FIELD_LOCK && !is_one_of(v->program->hook, v->platform->lock_owners)) { return "a lock"; }
        bool later = field->kind == FIELD_TIMER || field->kind == FIELD_WORK;
        if (later && !is_one_of(v->program->hook, v->platform->timer_owners)) { return "timers or work for later"; }
    }
    return nullptr;
}

/* Linux, check_map_prog_compatibility(). */
static enum status check_map_type(struct verifier *v, uint32_t pc, uint32_t map) {
    uint32_t type = v->program->maps[map].type;
    const char *field = field_forbidden(v, map);
    if (field != nullptr) { return refuse(v, STATUS_HELPER_ARGUMENT, pc, "map %u has %s in its values, which programs of this type can not have", (uint64_t)map, field); }
    if (is_second(v, map)) { return refuse(v, STATUS_HELPER_ARGUMENT, pc, "map %u is the second one of type %u of the program, which may have one", (uint64_t)map, (uint64_t)type); }
    if (!v->program->may_sleep || is_one_of(type, v->platform->sleeping_maps)) { return STATUS_OK; }
    return refuse(v, STATUS_HELPER_ARGUMENT, pc, "map %u is of type %u, which programs that sleep do not use", (uint64_t)map, (uint64_t)type);
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
    if (src == BPF_PSEUDO_IMM64_FUNCTION && is_privileged(v)) { return check_dst(v, pc, insn_dst(insn)); }
    if (src > BPF_PSEUDO_IMM64_MAP_VALUE) {
        return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "64-bit load with src %u; 0, 1 and 2 are supported", (uint64_t)src);
    }
    if (src != 0 && (uint32_t)insn.imm >= v->program->map_count) {
        return refuse(v, STATUS_UNKNOWN_MAP, pc, "map %d; the program declares %u", (int64_t)insn.imm,
                      (uint64_t)v->program->map_count);
    }
    if (OTHER_PLATFORMS && src != 0 && is_privileged(v)) {
        enum status status = check_map_type(v, pc, (uint32_t)insn.imm);
        if (status != STATUS_OK) { return status; }
    }
    if (src == BPF_PSEUDO_IMM64_MAP && next.imm != 0) { return refuse_fields(v, pc, "the upper half of a map load must be 0"); }
    return check_dst(v, pc, insn_dst(insn));
}

static enum status check_call(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if (insn_dst(insn) != 0 || insn.off != 0) { return refuse_fields(v, pc, "dst and off of a call must be 0"); }
    if (insn_src(insn) == 2) { return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "call by BTF id"); }
    if (insn_src(insn) > 2) { return refuse_fields(v, pc, "src of a call must be 0, 1 or 2"); }
    return STATUS_OK;
}

static enum status check_legacy_packet(struct verifier *v, uint32_t pc, struct bpf_insn insn) {
    if ((v->type->flags & TYPE_LEGACY_LOADS) == 0) {
        return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "legacy packet load; programs of this type get no packet that it could read");
    }
    bool indirect = (insn.opcode & BPF_MODE_IND) != 0;
    if (insn_dst(insn) != 0 || insn.off != 0 || (!indirect && insn_src(insn) != 0)) {
        return refuse_fields(v, pc, "a legacy packet load has only imm, and src when indirect");
    }
    return STATUS_OK;
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
        return check_dst(v, pc, insn_dst(insn));
    case SHAPE_ST: return insn_src(insn) == 0 ? STATUS_OK : refuse_fields(v, pc, "src must be 0 with an immediate");
    case SHAPE_STX: v->takes_address |= insn_src(insn) == FRAME_POINTER; return insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "imm of a register store must be 0");
    case SHAPE_ATOMIC: return check_atomic(v, pc, insn);
    case SHAPE_JA: return insn.regs == 0 && insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "ja has only an off");
    case SHAPE_JA32: return insn.regs == 0 && insn.off == 0 ? STATUS_OK : refuse_fields(v, pc, "gotol has only an imm");
    case SHAPE_COND_K: return insn_src(insn) == 0 ? STATUS_OK : refuse_fields(v, pc, "src must be 0 with an immediate");
    case SHAPE_COND_X: return insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "imm must be 0 when src is a register");
    case SHAPE_CALL: return check_call(v, pc, insn);
    case SHAPE_EXIT: return insn.regs == 0 && insn.off == 0 && insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "exit has no fields");
    case SHAPE_LEGACY_PACKET: return check_legacy_packet(v, pc, insn);
    case SHAPE_MAY_GOTO:
        if (!is_privileged(v)) { return refuse(v, STATUS_BAD_OPCODE, pc, "opcode %x", (uint64_t)insn.opcode); }
        if (!v->follows_callbacks) { return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "certificates do not follow may_goto"); }
        return insn.regs == 0 && insn.imm == 0 ? STATUS_OK : refuse_fields(v, pc, "may_goto has only an off");
    case SHAPE_CALLX: return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, pc, "callx: call through a register");
    default:
        return refuse(v, STATUS_BAD_OPCODE, pc, "opcode %x", (uint64_t)insn.opcode);
    }
}

/* src of a 64-bit load is no register; of what is no instruction, nothing is. */
static bool names_bad_register(struct bpf_insn insn, uint8_t shape) {
    if (insn.regs <= 0xaa && insn_dst(insn) <= FRAME_POINTER) { return false; }
    return shape != SHAPE_BAD && (insn_dst(insn) > FRAME_POINTER || shape != SHAPE_LD_IMM64);
}

enum status check_slot(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    return names_bad_register(insn, shape) ? check_registers(v, pc, insn) : check_fields(v, pc, insn, shape);
}
