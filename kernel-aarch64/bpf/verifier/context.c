/* Loads and stores of the context, and of objects of the kernel. */

#include "bpf/verifier/memory.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/timer.h"

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
    uint32_t kind = p->kind == REG_MAP ? OBJECT_MAP : object_kind_of(p->map);
    uint32_t owner = object ? OBJECT_OWNER + kind : v->program->hook;
    const struct context_field *field = context_field_at(v->platform, owner, (uint32_t)at, bytes);
    const char *whole = object ? "object" : "context";
    bool anywhere = OTHER_PLATFORMS && object && field != nullptr && field->holds == CONTEXT_KERNEL; /* types of the kernel may be packed */
    if (at % bytes != 0 && !anywhere) { return refuse(v, STATUS_MISALIGNED_ACCESS, s->pc, "%u bytes at %d of the %s", (uint64_t)bytes, at, whole); }
    if (field == nullptr || (field->reads & bytes) == 0) {
        return refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%u bytes at %d of the %s are not one field", (uint64_t)bytes, at, whole);
    }
    if (OTHER_PLATFORMS && !object && part_at(v, OBJECT_NONE, PART_CLOSED, at, bytes) != nullptr) {
        return refuse(v, STATUS_CONTEXT_BAD_ACCESS, s->pc, "%u bytes at %d of the context are not for programs that attach there", (uint64_t)bytes, at);
    }
    *out = field;
    return STATUS_OK;
}

static void set_object(struct verifier *v, struct reg *dst, const struct context_field *field) {
    reg_set_pointer(dst, field->holds == CONTEXT_OBJECT ? REG_OBJECT : REG_OBJECT_OR_NULL);
    dst->map = field->object;
    dst->id = new_id(v);
}

void set_kernel_word(struct reg *dst, uint32_t bytes, bool sign_extend, uint8_t origin) {
    reg_set_scalar(dst);
    scalar_set_loaded(&dst->var, bytes, sign_extend);
    if (bytes == 8) { dst->map = origin; }
}

/* Only where nothing sleeps does what a task, a cgroup or an area of memory points to stay for as long as the program runs. */
static uint8_t origin_of_field(const struct verifier *v, const struct state *s, const struct reg *p) {
    if (!OTHER_PLATFORMS) { return ORIGIN_KERNEL; }
    uint8_t kind = object_kind_of(p->map);
    bool passing = p->kind == REG_OBJECT && (kind == OBJECT_TASK || kind == OBJECT_CGROUP || kind == OBJECT_CSS || kind == OBJECT_VMA) && timer_lets_sleep(v);
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
                                    OBJECT_ACK_SAMPLE, OBJECT_RATE_SAMPLE, OBJECT_MASK, OBJECT_HID_CONTEXT, OBJECT_DUMMY_STATE, OBJECT_DENTRY, OBJECT_TASK,
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

enum status load_context(struct verifier *v, struct state *s, struct bpf_insn insn, bool sign_extend) {
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
    case CONTEXT_RECORD:
        reg_set_pointer(dst, field->holds == CONTEXT_RECORD ? REG_MEMORY : REG_MEMORY_OR_NULL);
        dst->range = PLATFORM_BUFFER_BYTES;
        dst->map = field->holds == CONTEXT_RECORD ? MEMORY_DIRECT : field->holds == CONTEXT_BUFFER_READ ? MEMORY_READS : MEMORY_ANY;
        dst->id = new_id(v);
        break;
    case CONTEXT_PACKET: reg_set_pointer(dst, REG_PACKET); break;
    case CONTEXT_PACKET_END: reg_set_pointer(dst, REG_PACKET_END); break;
    case CONTEXT_PACKET_META: reg_set_pointer(dst, REG_PACKET_META); break;
    default: set_object(v, dst, field); break;
    }
    return STATUS_OK;
}

bool object_is_written(const struct verifier *v, const struct reg *p, int64_t at, uint32_t bytes) {
    if (p->kind != REG_OBJECT) { return false; }
    const struct bpf_part *whole = part_at(v, p->map, PART_WRITTEN_WHOLE, at, bytes);
    return part_at(v, p->map, PART_WRITTEN, at, bytes) != nullptr || (whole != nullptr && whole->offset == (uint32_t)at);
}

enum status store_context(struct verifier *v, struct state *s, struct bpf_insn insn) {
    const struct context_field *field;
    uint32_t bytes = access_bytes(insn.opcode);
    enum status status = context_field(v, s, reg_at(s, insn_dst(insn)), insn_dst(insn), insn.off, bytes, &field);
    if (status != STATUS_OK) { return status; }
    const struct reg *p = reg_at(s, insn_dst(insn));
    if (OTHER_PLATFORMS && object_is_written(v, p, (int64_t)p->off + insn.off, bytes)) { return STATUS_OK; }
    bool only_read = OTHER_PLATFORMS && p->kind == REG_CONTEXT && part_at(v, OBJECT_NONE, PART_READ, insn.off, bytes) != nullptr;
    if ((field->writes & bytes) == 0 || only_read) {
        return refuse(v, STATUS_CONTEXT_READ_ONLY, s->pc, "field at offset %u", (uint64_t)field->offset);
    }
    return STATUS_OK;
}
