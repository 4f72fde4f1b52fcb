/* Loads, stores and atomics (RFC 9669 §5), and what may be accessed where. */

#include "bpf/verifier/own.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/timer.h"

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

/* Linux rewrites accesses to the context and to objects: one instruction can't be for them on one way and for other memory on
 * another. */
[[gnu::noinline]] static enum status check_unmixed(struct verifier *v, struct state *s, const struct reg *p, uint32_t r) {
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

/* Where nothing lies in an arena, the kernel reads zeros and writes nothing. */
static enum status check_arena(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, uint8_t access) {
    if ((access & ACCESS_WHOLE) == 0) { return refuse(v, STATUS_NOT_A_POINTER, s->pc, "%r is %R, of which helpers take no memory", r, p); }
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

/* ---- the context, and objects ---- */

const struct bpf_part *part_at(const struct verifier *v, uint8_t object, enum bpf_part_kind kind, int64_t at, uint32_t bytes) {
    for (uint32_t i = 0; OTHER_PLATFORMS && i < v->program->part_count; i++) {
        const struct bpf_part *part = &v->program->parts[i];
        bool inside = at >= part->offset && at + bytes <= part->end;
        if (part->object == object_kind_of(object) && part->kind == kind && inside) { return part; }
    }
    return nullptr;
}

/* Bytes of an object as far as they are known. */
static uint32_t object_bytes(const struct verifier *v, const struct reg *p) {
    const struct bpf_part *part = p->kind == REG_OBJECT ? part_at(v, p->map, PART_SIZE, 0, 0) : nullptr;
    return part == nullptr ? UINT16_MAX : part->end;
}

static uint32_t context_bytes(const struct verifier *v) {
    uint32_t end = OTHER_PLATFORMS ? v->program->context_end : 0;
    return end == 0 ? v->type->context_bytes : end - 1;
}

static enum status context_field(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int32_t off, uint32_t bytes,
                                 const struct context_field **out) {
    int64_t at = (int64_t)p->off + off;
    bool object = p->kind != REG_CONTEXT;
    enum status status = check_unmixed(v, s, p, r);
    if (status != STATUS_OK) { return status; }
    if (!object && at != off && is_privileged(v)) {
        return refuse(v, STATUS_CONTEXT_MODIFIED, s->pc, "%r is %R", r, p);
    }
    uint32_t size = object ? object_bytes(v, p) : context_bytes(v);
    if (at < 0 || at + bytes > size) {
        return refuse(v, STATUS_CONTEXT_OUT_OF_BOUNDS, s->pc, "%r is %R, access of %u bytes at %d, %s is %u bytes", r, p,
                      (uint64_t)bytes, at, object ? "the object" : "context", (uint64_t)size);
    }
    if (at % bytes != 0) { return refuse(v, STATUS_MISALIGNED_ACCESS, s->pc, "%u bytes at %d of the context", (uint64_t)bytes, at); }
    uint32_t kind = p->kind == REG_MAP ? OBJECT_MAP : object_kind_of(p->map);
    uint32_t owner = object ? OBJECT_OWNER + kind : v->program->hook;
    *out = context_field_at(v->platform, owner, (uint32_t)at, bytes);
    if (*out == nullptr || ((*out)->reads & bytes) == 0) {
        return refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%u bytes at %d of the %s are not one field", (uint64_t)bytes, at,
                      object ? "object" : "context");
    }
    return STATUS_OK;
}

static void set_object(struct verifier *v, struct reg *dst, const struct context_field *field) {
    reg_set_pointer(dst, field->holds == CONTEXT_OBJECT ? REG_OBJECT : REG_OBJECT_OR_NULL);
    dst->map = field->object;
    dst->id = new_id(v);
}

/* What the kernel keeps there; whole words may be addresses. */
static void set_kernel_word(struct reg *dst, uint32_t bytes, bool sign_extend, uint8_t origin) {
    reg_set_scalar(dst);
    scalar_set_loaded(&dst->var, bytes, sign_extend);
    if (bytes == 8) { dst->map = origin; }
}

/* What a load by this instruction gives may be gone, or another member of its union: Linux hands it to no helper. */
static bool is_untrusted_load(const struct verifier *v, uint32_t pc) { return is_noted(v, pc, NOTE_UNTRUSTED); }

/* Only where nothing sleeps does what a task or a cgroup points to stay for as long as the program runs. */
static uint8_t origin_of_field(const struct verifier *v, const struct state *s, const struct reg *p) {
    uint8_t kind = object_kind_of(p->map);
    bool passing = p->kind == REG_OBJECT && (kind == OBJECT_TASK || kind == OBJECT_CGROUP) && timer_lets_sleep(v);
    return passing || is_untrusted_load(v, s->pc) ? ORIGIN_CAST : ORIGIN_KERNEL;
}

/* The last argument of a program at a security hook is what the hook's programs before it returned, whose low 32 bits lie in
 * the range of its own (kernel/bpf/btf.c, btf_ctx_access()). */
static bool is_returned(const struct verifier *v, const struct reg *p, int64_t at) {
    bool knows_last = (v->type->flags & TYPE_EXIT_32) != 0 && v->program->context_end != 0;
    return knows_last && p->kind == REG_CONTEXT && at == (int64_t)context_bytes(v) - 8;
}

static void set_returned(const struct verifier *v, struct reg *dst) {
    reg_set_scalar(dst);
    dst->var.smin32 = v->type->exit_min;
    dst->var.smax32 = v->type->exit_max;
    (void)scalar_sync(&dst->var); /* some number is left */
}

static enum bpf_handed handed_at(const struct verifier *v, const struct reg *p, int32_t off) {
    return p->kind == REG_CONTEXT && off < 8 * HANDED_WORDS ? v->program->handed[off / 8] : HANDED_ADDRESS;
}

/* Linux reads less than a word of numbers only, and those from their first byte on. */
static enum status check_handed(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint32_t bytes) {
    if (p->kind != REG_CONTEXT || (v->type->flags & TYPE_MEMBER) == 0) { return STATUS_OK; }
    bool fits = off % 8 == 0 && (bytes == 8 || handed_at(v, p, off) == HANDED_NUMBER);
    return fits ? STATUS_OK : refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%u bytes at %d of the context are not one argument", (uint64_t)bytes, (int64_t)off);
}

static bool is_handed(const struct verifier *v, const struct reg *p, int32_t off, uint32_t bytes) {
    enum bpf_handed handed = handed_at(v, p, off);
    return handed == HANDED_NUMBER || (handed != HANDED_ADDRESS && bytes == 8); /* aligned: context_field() has looked */
}

static void set_handed(struct verifier *v, struct reg *dst, enum bpf_handed handed, uint32_t bytes, bool sign_extend) {
    static const uint8_t kinds[] = {OBJECT_KERNEL, OBJECT_TASK, OBJECT_CGROUP, OBJECT_FILE, OBJECT_PATH, OBJECT_NONE, OBJECT_TCP,
                                    OBJECT_ACK_SAMPLE, OBJECT_RATE_SAMPLE, OBJECT_MASK, OBJECT_HID_CONTEXT, OBJECT_DUMMY_STATE, OBJECT_TASK,
                                    OBJECT_DUMMY_STATE};
    if (handed == HANDED_NUMBER) {
        reg_set_scalar(dst);
        scalar_set_loaded(&dst->var, bytes, sign_extend);
        return;
    }
    reg_set_pointer(dst, handed >= HANDED_TASK_OR_NULL ? REG_OBJECT_OR_NULL : REG_OBJECT);
    dst->map = kinds[handed];
    dst->id = new_id(v);
}

/* Addresses in objects lead to others, of some it is known to which: for as long as RCU protects them, or as the first stays. */
static bool load_pointer(struct verifier *v, struct state *s, const struct reg *p, int64_t at, uint32_t bytes, struct reg *dst) {
    if (p->kind != REG_OBJECT || bytes != 8 || is_untrusted_load(v, s->pc)) { return false; }
    bool rcu = (p->map & OBJECT_RCU) != 0;
    const struct bpf_part *part = rcu ? nullptr : part_at(v, p->map, PART_POINTS, at, bytes);
    if (part == nullptr && rcu_protects(v, s)) {
        part = part_at(v, p->map, PART_POINTS_RCU, at, bytes);
        rcu = true;
    }
    if (part == nullptr) { return false; }
    reg_set_pointer(dst, REG_OBJECT);
    dst->map = part->to | (rcu ? (uint8_t)OBJECT_RCU : 0);
    dst->id = new_id(v);
    return true;
}

static enum status load_context(struct verifier *v, struct state *s, struct bpf_insn insn, bool sign_extend) {
    const struct context_field *field;
    const struct reg *p = reg_at(s, insn_src(insn));
    uint32_t bytes = access_bytes(insn.opcode);
    enum status status = context_field(v, s, p, insn_src(insn), insn.off, bytes, &field);
    if (status != STATUS_OK) { return status; }
    if (sign_extend && field->holds != CONTEXT_SCALAR && field->holds != CONTEXT_KERNEL) {
        return refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%u bytes at %u are a pointer, which has no sign", (uint64_t)bytes, (uint64_t)field->offset);
    }
    struct reg *dst = reg_at(s, insn_dst(insn));
    if (OTHER_PLATFORMS && is_returned(v, p, (int64_t)p->off + insn.off)) {
        set_returned(v, dst);
        return STATUS_OK;
    }
    switch (field->holds) {
    case CONTEXT_SCALAR:
        reg_set_scalar(dst);
        scalar_set_loaded(&dst->var, bytes, sign_extend);
        break;
    case CONTEXT_KERNEL:
        if (OTHER_PLATFORMS) {
            status = check_handed(v, s, p, insn.off, bytes);
            if (status != STATUS_OK) { return status; }
            if (is_handed(v, p, insn.off, bytes)) {
                set_handed(v, dst, v->program->handed[insn.off / 8], bytes, sign_extend);
                break;
            }
            struct reg pointer;
            if (load_pointer(v, s, p, (int64_t)p->off + insn.off, bytes, &pointer)) {
                *dst = pointer;
                break;
            }
        }
        set_kernel_word(dst, bytes, sign_extend, origin_of_field(v, s, p)); break;
    case CONTEXT_BUFFER:
    case CONTEXT_BUFFER_READ:
        reg_set_pointer(dst, REG_MEMORY_OR_NULL);
        dst->range = PLATFORM_BUFFER_BYTES;
        dst->map = field->holds == CONTEXT_BUFFER ? MEMORY_ANY : MEMORY_READS;
        dst->id = new_id(v);
        break;
    case CONTEXT_PACKET: reg_set_pointer(dst, REG_PACKET); break;
    case CONTEXT_PACKET_END: reg_set_pointer(dst, REG_PACKET_END); break;
    case CONTEXT_PACKET_META: reg_set_pointer(dst, REG_PACKET_META); break;
    default: set_object(v, dst, field); break;
    }
    return STATUS_OK;
}

/* Whether programs of this type write these bytes of the object. */
static bool is_written(const struct verifier *v, const struct reg *p, int64_t at, uint32_t bytes) {
    if (p->kind != REG_OBJECT) { return false; }
    const struct bpf_part *whole = part_at(v, p->map, PART_WRITTEN_WHOLE, at, bytes);
    return part_at(v, p->map, PART_WRITTEN, at, bytes) != nullptr || (whole != nullptr && whole->offset == (uint32_t)at);
}

static enum status store_context(struct verifier *v, struct state *s, struct bpf_insn insn) {
    const struct context_field *field;
    uint32_t bytes = access_bytes(insn.opcode);
    enum status status = context_field(v, s, reg_at(s, insn_dst(insn)), insn_dst(insn), insn.off, bytes, &field);
    if (status != STATUS_OK) { return status; }
    const struct reg *p = reg_at(s, insn_dst(insn));
    if (OTHER_PLATFORMS && is_written(v, p, (int64_t)p->off + insn.off, bytes)) { return STATUS_OK; }
    if ((field->writes & bytes) == 0) {
        return refuse(v, STATUS_CONTEXT_READ_ONLY, s->pc, "field at offset %u", (uint64_t)field->offset);
    }
    return STATUS_OK;
}

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
    bool safe = field->kind >= FIELD_TASK && field->kind <= FIELD_CPUMASK && rcu_protects(v, s);
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
    bool plain = OTHER_PLATFORMS && (p->kind == REG_ARENA || is_written(v, p, (int64_t)p->off + insn.off, bytes));
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
