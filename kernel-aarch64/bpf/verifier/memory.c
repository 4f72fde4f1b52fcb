/* Loads, stores and atomics (RFC 9669 §5), and what may be accessed where. */

#include "bpf/verifier/memory.h"
#include "bpf/verifier/own.h"
#include "bpf/verifier/reference.h"

/* Of the kernel's own objects, and of what may be one, loads never fault. */
static uint8_t accesses_of(const struct reg *p) {
    if (reg_is_own(p)) { return (uint8_t)(ACCESSES_OWN + (p->kind - REG_OWN)); }
    switch (p->kind) {
    case REG_CONTEXT: return ACCESSES_CONTEXT;
    case REG_SCALAR: return ACCESSES_OBJECT + OBJECT_KERNEL;
    case REG_OBJECT: return (uint8_t)(ACCESSES_OBJECT + (object_is_kernel(p->map) ? OBJECT_KERNEL : object_kind_of(p->map)));
    case REG_ARENA: return ACCESSES_ARENA;
    default: return ACCESSES_PLAIN;
    }
}

[[gnu::noinline]] enum status check_unmixed(struct verifier *v, struct state *s, const struct reg *p, uint32_t r) {
    if (v->accesses == nullptr) { return STATUS_OK; }
    uint8_t *seen = &v->accesses[s->pc], now = accesses_of(p);
    if (*seen == ACCESSES_NOTHING) { *seen = now; }
    return *seen == now ? STATUS_OK : refuse(v, STATUS_MIXED_POINTERS, s->pc, "%r is %R", r, p);
}

static enum status refuse_bounds(struct verifier *v, struct state *s, enum status status, const struct reg *p, uint32_t r, int64_t off,
                                 uint64_t bytes, uint64_t size) {
    int64_t first = off + p->off + p->var.smin, end = off + p->off + p->var.smax + (int64_t)bytes;
    return refuse(v, status, s->pc, "%r is %R, access of %u bytes covers [%d,%d), %s is %u bytes", r, p, bytes, first, end,
                  p->kind == REG_MAP_VALUE ? "value" : "memory", size);
}

[[gnu::noinline]] static enum status check_packet(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int64_t off, uint64_t bytes,
                                uint8_t access) {
    if ((access & ACCESS_WRITE) != 0 && (v->type->flags & TYPE_PACKET_WRITE) == 0) {
        return refuse(v, STATUS_MEMORY_READ_ONLY, s->pc, "%r is %R, which programs of this type only read", r, p);
    }
    enum status status = check_unmixed(v, s, p, r);
    if (status != STATUS_OK) { return status; }
    int64_t from_base = off + p->off;
    if (!scalar_is_const(&p->var) && from_base + p->var.smax + (int64_t)bytes > PACKET_REACH_BYTES) { v->facts->flags[s->pc] |= FACT_ADDRESS; }
    if (from_base + p->var.smin >= 0 && from_base + (int64_t)bytes <= (int64_t)p->range) { return STATUS_OK; }
    return refuse(v, STATUS_PACKET_OUT_OF_BOUNDS, s->pc, "%r is %R, access of %u bytes ends at %d, only %u are proven", r, p, bytes,
                  from_base + (int64_t)bytes, (uint64_t)p->range);
}

/* Linux takes what a number that may be negative leaves of a pointer for any address, wherever the pointer was before. */
static enum status check_forward(struct verifier *v, struct state *s, const struct reg *p, uint32_t r) {
    if (!is_privileged(v) || p->var.smin >= 0 || scalar_is_const(&p->var)) { return STATUS_OK; }
    return refuse(v, STATUS_UNBOUNDED_OFFSET, s->pc, "%r is %R, moved by a number that may be negative", r, p);
}

static enum status check_object(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int64_t off, uint64_t bytes,
                                uint64_t size, enum status status) {
    int64_t first = off + p->off + p->var.smin, end = off + p->off + p->var.smax + (int64_t)bytes;
    if (first >= 0 && end <= (int64_t)size) { return check_forward(v, s, p, r); }
    return refuse_bounds(v, s, status, p, r, off, bytes, size);
}

/* The field of the kernel that these bytes touch, or null. */
static const struct bpf_map_field *kernel_field(const struct verifier *v, const struct reg *p, int64_t off, uint64_t bytes) {
    if (!OTHER_PLATFORMS || p->kind != REG_MAP_VALUE) { return nullptr; }
    int64_t first = off + p->off + p->var.smin, end = off + p->off + p->var.smax + (int64_t)bytes;
    for (uint32_t i = 0; i < v->program->field_count; i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->map == p->map && first < (int64_t)field->offset + field->bytes && end > field->offset) { return field; }
    }
    return nullptr;
}

static enum status check_kernel_fields(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int64_t off, uint64_t bytes,
                                       uint8_t access) {
    const struct bpf_map_field *field = kernel_field(v, p, off, bytes);
    if (field == nullptr) { return STATUS_OK; }
    bool whole = (access & ACCESS_WHOLE) != 0 && scalar_is_const(&p->var) && bytes == 8 &&
                 off + p->off + (int64_t)p->var.value == (int64_t)field->offset;
    bool writes = (access & ACCESS_WRITE) != 0;
    if (whole && (field->kind == FIELD_POINTER || (field->kind >= FIELD_REFERENCE && !writes))) { return STATUS_OK; }
    return refuse(v, STATUS_KERNEL_FIELD, s->pc, "%r is %R, access of %u bytes touches what is at %u of map %u", r, p, bytes,
                  (uint64_t)field->offset, (uint64_t)p->map);
}

[[gnu::noinline]] static enum status check_map_value(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int32_t off,
                                                     uint64_t bytes, uint8_t access) {
    const struct bpf_map_shape *map = &v->program->maps[p->map];
    if ((access & ACCESS_WRITE) != 0 && (map->flags & MAP_FLAG_READ_ONLY) != 0) {
        return refuse(v, STATUS_MAP_READ_ONLY, s->pc, "%r is %R of map %u", r, p, (uint64_t)p->map);
    }
    if (OTHER_PLATFORMS && (access & ACCESS_READ) != 0 && (map->flags & PLATFORM_MAP_WRITE_ONLY) != 0) {
        return refuse(v, STATUS_MAP_READ_ONLY, s->pc, "%r is %R of map %u, which programs only write", r, p, (uint64_t)p->map);
    }
    enum status status = check_unmixed(v, s, p, r);
    if (status == STATUS_OK) { status = check_object(v, s, p, r, off, bytes, map->value_size, STATUS_MAP_VALUE_OUT_OF_BOUNDS); }
    return OTHER_PLATFORMS && status == STATUS_OK ? check_kernel_fields(v, s, p, r, off, bytes, access) : status;
}

enum status refuse_lost(struct verifier *v, struct state *s, uint32_t r) {
    const struct reg *p = reg_at(s, r);
    if (p->kind != REG_SCALAR) { return STATUS_OK; }
    if (p->map >= ORIGIN_PER_CPU) { return refuse(v, STATUS_NOT_A_POINTER, s->pc, "%r is where each processor has a variable; bpf_per_cpu_ptr() says where one has it", r); }
    switch (p->map) {
    case ORIGIN_POINTER: return refuse(v, STATUS_UNBOUNDED_OFFSET, s->pc, "%r was a pointer, moved by a number without a bound", r);
    case ORIGIN_RELEASED: return refuse(v, STATUS_USE_AFTER_RELEASE, s->pc, "%r was released", r);
    case ORIGIN_STALE: return refuse(v, STATUS_STALE_PACKET, s->pc, "%r pointed into the packet before", r);
    default: return STATUS_OK;
    }
}

static enum status refuse_helpers(struct verifier *v, struct state *s, const struct reg *p, uint32_t r) {
    return refuse(v, STATUS_NOT_A_POINTER, s->pc, "%r is %R, of which helpers take no memory", r, p);
}

/* Where nothing lies in an arena, the kernel reads zeros and writes nothing. */
static enum status check_arena(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, uint8_t access) {
    if ((access & ACCESS_WHOLE) == 0) { return refuse_helpers(v, s, p, r); }
    return check_unmixed(v, s, p, r);
}

enum status check_memory(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int32_t off, uint64_t bytes,
                         uint8_t access) {
    if (reg_is_own(p)) {
        enum status status = check_unmixed(v, s, p, r);
        return status == STATUS_OK ? own_access(v, s, p, r, off, bytes, access) : status;
    }
    if (OTHER_PLATFORMS && kind_may_be_null(p->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, p); }
    switch (p->kind) {
    case REG_PACKET:
    case REG_PACKET_META: return check_packet(v, s, p, r, off, bytes, access);
    case REG_MEMORY:
        if (OTHER_PLATFORMS && (p->map & MEMORY_READS) != 0 && (access & ACCESS_WRITE) != 0) {
            return refuse(v, STATUS_MEMORY_READ_ONLY, s->pc, "%r is %R, which programs only read", r, p);
        }
        if (OTHER_PLATFORMS) {
            enum status status = check_unmixed(v, s, p, r);
            if (status != STATUS_OK) { return status; }
        }
        if (OTHER_PLATFORMS && (p->map & MEMORY_DIRECT) != 0 && (access & ACCESS_WHOLE) == 0) { return refuse_helpers(v, s, p, r); }
        return check_object(v, s, p, r, off, bytes, p->range, STATUS_MEMORY_OUT_OF_BOUNDS);
    case REG_MAP_VALUE: return check_map_value(v, s, p, r, off, bytes, access);
    case REG_ARENA: return check_arena(v, s, p, r, access);
    case REG_UNINIT: return require_set(v, s, r);
    case REG_SCALAR:
        if (OTHER_PLATFORMS && p->map != ORIGIN_ANY) {
            enum status status = refuse_lost(v, s, r);
            if (status != STATUS_OK) { return status; }
        }
        return refuse(v, STATUS_NOT_A_POINTER, s->pc, "%r is %R", r, p);
    case REG_MAP_VALUE_OR_NULL:
    case REG_MAP_OR_NULL:
    case REG_MEMORY_OR_NULL:
    case REG_OBJECT_OR_NULL: return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, p);
    case REG_OBJECT:
        if (!OTHER_PLATFORMS) { break; }
        return refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%r is an object; only its fields can be accessed", r);
    case REG_PACKET_END: return refuse(v, STATUS_PACKET_OUT_OF_BOUNDS, s->pc, "%r is the end of the packet", r);
    case REG_CONTEXT: return refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%r is the context", r);
    case REG_FUNCTION: return refuse(v, STATUS_MEMORY_OUT_OF_BOUNDS, s->pc, "%r is a function", r);
    default: break;
    }
    return refuse(v, STATUS_MEMORY_OUT_OF_BOUNDS, s->pc, "%r is a map; look a value up first", r);
}

/* ---- legacy packet loads ---- */

/* Unless addresses are no secret. */
static enum status require_number(struct verifier *v, struct state *s, uint32_t r) {
    enum status status = require_set(v, s, r);
    const struct reg *operand = reg_at(s, r);
    bool leaks = status == STATUS_OK && reg_is_pointer(operand) && !is_privileged(v);
    return leaks ? refuse(v, STATUS_POINTER_LEAK, s->pc, "%r is %R; this takes numbers", r, operand) : status;
}

static void set_legacy_result(struct state *s, uint32_t bytes) {
    for (uint32_t r = 1; r <= 5; r++) { reg_at(s, r)->kind = REG_UNINIT; }
    struct reg *r0 = reg_at(s, 0);
    reg_set_scalar(r0);
    scalar_set_loaded(&r0->var, bytes, false);
}

enum status step_legacy_packet(struct verifier *v, struct state *s, struct bpf_insn insn) {
    const struct reg *context = reg_at(s, 6);
    if (v->platform->vectors && s->depth != 0) { return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, s->pc, "legacy packet load in a function that is called"); }
    enum status status = require_set(v, s, 6);
    if (status != STATUS_OK) { return status; }
    if (context->kind != REG_CONTEXT || context->off != 0) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "r6 is %R, a legacy packet load wants the context there", context);
    }
    if ((insn.opcode & BPF_MODE_IND) != 0) {
        status = require_number(v, s, insn_src(insn));
        if (status != STATUS_OK) { return status; }
    }
    status = reference_none(v, s, "at a legacy packet load, which may end the program");
    if (status == STATUS_OK) { set_legacy_result(s, access_bytes(insn.opcode)); }
    return status;
}

/* ---- what is known for good ---- */

const uint8_t *known_contents(const struct verifier *v, const struct reg *p, int64_t off, uint64_t bytes) {
    if (!OTHER_PLATFORMS || p->kind != REG_MAP_VALUE || v->program->contents == nullptr || !scalar_is_const(&p->var)) { return nullptr; }
    const uint8_t *contents = v->program->contents[p->map];
    int64_t at = off + p->off + (int64_t)p->var.value, size = v->program->maps[p->map].value_size;
    return contents == nullptr || at < 0 || at + (int64_t)bytes > size ? nullptr : contents + at;
}

static bool load_known(const struct verifier *v, const struct reg *p, int32_t off, uint32_t bytes, bool sign_extend, struct reg *dst) {
    const uint8_t *known = known_contents(v, p, off, bytes);
    if (known == nullptr) { return false; }
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++) { value |= (uint64_t)known[i] << (8 * i); }
    uint32_t unused_bits = 64 - 8 * bytes;
    reg_set_scalar(dst);
    scalar_set_const(&dst->var, sign_extend ? (uint64_t)((int64_t)(value << unused_bits) >> unused_bits) : value);
    return true;
}

/* The address of an object that is kept in a map: RCU protects what it leads to, of some kinds (Linux, rcu_safe_kptr()). */
static void load_kept(struct verifier *v, const struct state *s, struct reg *dst, const struct bpf_map_field *field) {
    if (field->kind == FIELD_OWN) {
        own_set_loaded(v, dst, field, rcu_protects(v, s));
        return;
    }
    bool safe = field->kind >= FIELD_TASK && field->kind <= FIELD_CRYPTO && rcu_protects(v, s);
    if (!safe) {
        set_kernel_word(dst, 8, false, ORIGIN_KERNEL);
        return;
    }
    reg_set_pointer(dst, REG_OBJECT_OR_NULL);
    dst->map = (uint8_t)(OBJECT_TASK + (field->kind - FIELD_TASK)) | (uint8_t)OBJECT_RCU;
    dst->id = new_id(v);
}

/* ---- instructions ---- */

enum status step_load(struct verifier *v, struct state *s, struct bpf_insn insn, bool sign_extend) {
    uint32_t src = insn_src(insn), bytes = access_bytes(insn.opcode);
    struct reg *p = reg_at(s, src), *dst = reg_at(s, insn_dst(insn));
    if (p->kind == REG_STACK) {
        struct reg loaded;
        enum status status = check_unmixed(v, s, p, src);
        if (status == STATUS_OK) { status = stack_load(v, s, p, insn.off, bytes, sign_extend, &loaded); }
        if (status == STATUS_OK) { *dst = loaded; }
        return status;
    }
    if (OTHER_PLATFORMS && p->kind == REG_ARENA && sign_extend) {
        return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, s->pc, "%r is %R, from where Linux loads no signed numbers", src, p);
    }
    bool reads_map = p->kind == REG_MAP && is_privileged(v);
    if (p->kind == REG_CONTEXT || p->kind == REG_OBJECT || reads_map) { return load_context(v, s, insn, sign_extend); }
    if (p->kind == REG_SCALAR && origin_is_readable(p->map)) {
        if (OTHER_PLATFORMS && p->map == ORIGIN_KERNEL && insn.off < 0) {
            return refuse(v, STATUS_MEMORY_OUT_OF_BOUNDS, s->pc, "%r is the address of an object, access at %d", src, (int64_t)insn.off);
        }
        enum status status = check_unmixed(v, s, p, src);
        if (status != STATUS_OK) { return status; }
        set_kernel_word(dst, bytes, sign_extend, p->map == ORIGIN_CAST || is_untrusted_load(v, s->pc) ? ORIGIN_CAST : ORIGIN_KERNEL);
        return STATUS_OK;
    }
    enum status status = check_memory(v, s, p, src, insn.off, bytes, ACCESS_READ | ACCESS_WHOLE);
    if (status != STATUS_OK) { return status; }
    const struct bpf_map_field *kept = kernel_field(v, p, insn.off, bytes);
    if (kept != nullptr) {
        load_kept(v, s, dst, kept);
        return STATUS_OK;
    }
    if (load_known(v, p, insn.off, bytes, sign_extend, dst)) { return STATUS_OK; }
    reg_set_scalar(dst);
    scalar_set_loaded(&dst->var, bytes, sign_extend);
    return STATUS_OK;
}

enum status step_store(struct verifier *v, struct state *s, struct bpf_insn insn, bool from_register) {
    uint32_t dst = insn_dst(insn), bytes = access_bytes(insn.opcode);
    struct reg number, *value = &number, *p = reg_at(s, dst);
    if (from_register) {
        enum status status = require_set(v, s, insn_src(insn));
        if (status != STATUS_OK) { return status; }
        value = reg_at(s, insn_src(insn));
    }
    if (p->kind == REG_STACK) {
        if (!from_register) {
            reg_set_scalar(&number);
            scalar_set_const(&number.var, (uint64_t)(int64_t)insn.imm);
        }
        enum status status = check_unmixed(v, s, p, dst);
        return status == STATUS_OK ? stack_store(v, s, p, insn.off, bytes, value) : status;
    }
    if (from_register && p->kind > REG_SCALAR && reg_is_pointer(value) && !is_privileged(v)) {
        return refuse(v, STATUS_POINTER_LEAK, s->pc, "%r is %R; pointers can be kept on the stack only", insn_src(insn), value);
    }
    if (p->kind == REG_CONTEXT || p->kind == REG_OBJECT) { return store_context(v, s, insn); }
    enum status status = check_memory(v, s, p, dst, insn.off, bytes, ACCESS_WRITE | ACCESS_WHOLE);
    if (status != STATUS_OK || kernel_field(v, p, insn.off, bytes) == nullptr) { return status; }
    bool null = from_register ? value->kind == REG_SCALAR && scalar_is_const(&value->var) && value->var.value == 0 : insn.imm == 0;
    bool object = from_register && (value->kind == REG_OBJECT || (value->kind == REG_SCALAR && value->map == ORIGIN_KERNEL));
    if (null || object) { return STATUS_OK; }
    return refuse(v, STATUS_KERNEL_FIELD, s->pc, "%r is %R; what is stored there is the address of an object, or 0", dst, p);
}

/* *old becomes what is there before. */
static enum status check_atomic_place(struct verifier *v, struct state *s, struct bpf_insn insn, uint32_t bytes, struct reg *old) {
    uint32_t dst = insn_dst(insn);
    struct reg *p = reg_at(s, dst);
    bool plain = OTHER_PLATFORMS && (p->kind == REG_ARENA || object_is_written(v, p, (int64_t)p->off + insn.off, bytes));
    if (plain) { return check_unmixed(v, s, p, dst); }
    if (p->kind == REG_PACKET || p->kind == REG_PACKET_META || p->kind == REG_CONTEXT || p->kind == REG_OBJECT) {
        return refuse(v, STATUS_ATOMIC_ON_WRONG_MEMORY, s->pc, "%r is %R", dst, p);
    }
    if (p->kind == REG_STACK) {
        struct reg number = *old;
        enum status status = stack_readable(v, s, p, insn.off, bytes);
        if (status == STATUS_OK) { status = stack_load(v, s, p, insn.off, bytes, false, old); }
        return status == STATUS_OK ? stack_store(v, s, p, insn.off, bytes, &number) : status;
    }
    enum status status = check_memory(v, s, p, dst, insn.off, bytes, ACCESS_READ | ACCESS_WRITE);
    if (status != STATUS_OK) { return status; }
    uint64_t may_be_set = (uint64_t)((int64_t)p->off + insn.off) | p->var.value | p->var.mask;
    if ((may_be_set & (bytes - 1)) != 0) {
        return refuse(v, STATUS_MISALIGNED_ACCESS, s->pc, "%r is %R, atomic of %u bytes at %d", dst, p, (uint64_t)bytes, (int64_t)insn.off);
    }
    return STATUS_OK;
}

/* A load or store that others see in order, of what atomics may be on. */
static enum status step_ordered(struct verifier *v, struct state *s, struct bpf_insn insn) {
    bool loads = insn.imm == PLATFORM_LOAD_ACQUIRE;
    uint32_t r = loads ? insn_src(insn) : insn_dst(insn), bytes = access_bytes(insn.opcode);
    const struct reg *p = reg_at(s, r);
    if (p->kind == REG_PACKET || p->kind == REG_PACKET_META || p->kind == REG_CONTEXT || p->kind == REG_OBJECT || p->kind == REG_MAP || p->kind == REG_ARENA) {
        return refuse(v, STATUS_ATOMIC_ON_WRONG_MEMORY, s->pc, "%r is %R", r, p);
    }
    uint64_t may_be_set = (uint64_t)((int64_t)p->off + insn.off) | p->var.value | p->var.mask;
    if (reg_is_pointer(p) && (may_be_set & (bytes - 1)) != 0) {
        return refuse(v, STATUS_MISALIGNED_ACCESS, s->pc, "%r is %R, %u bytes at %d in order", r, p, (uint64_t)bytes, (int64_t)insn.off);
    }
    return loads ? step_load(v, s, insn, false) : step_store(v, s, insn, true);
}

enum status step_atomic(struct verifier *v, struct state *s, struct bpf_insn insn) {
    if (atomic_is_ordered(insn.imm)) { return step_ordered(v, s, insn); }
    uint32_t bytes = access_bytes(insn.opcode);
    bool exchanges_if_equal = (uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG;
    uint32_t operands[2] = {insn_src(insn), exchanges_if_equal ? 0 : insn_src(insn)};
    for (uint32_t i = 0; i < 2; i++) {
        enum status status = require_number(v, s, operands[i]);
        if (status != STATUS_OK) { return status; }
    }
    struct reg old;
    reg_set_scalar(&old);
    scalar_set_loaded(&old.var, bytes, false);
    enum status status = check_atomic_place(v, s, insn, bytes, &old);
    if (status == STATUS_OK && (insn.imm & BPF_ATOMIC_FETCH) != 0) { *reg_at(s, operands[1]) = old; }
    return status;
}
