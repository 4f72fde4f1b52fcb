/* Helpers that call a function of the program again and again, on platforms that have such.
 *
 * One call is walked, from a state that every call begins with: numbers that such functions change on their callers' stacks
 * are any numbers, and what else is kept there they may not change. Which numbers those are is seen on the walk itself, which
 * begins anew until it sees no more of them. How often a function is called goes into the bound. One that is called once, or
 * not at all, is walked like any other function. */

#include "bpf/verifier/callback.h"

#include "bpf/verifier/argument.h"
#include "bpf/verifier/own.h"
#include "bpf/verifier/reference.h"

bool is_callback_frame(const struct verifier *v, const struct frame *frame) {
    struct bpf_insn insn = insn_at(v, frame->call);
    return insn_shapes[insn.opcode] == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_HELPER;
}

static bool calls_with_tree(const struct verifier *v, uint32_t pc) { return v->platform->helpers[insn_at(v, pc).imm].arguments[0] == ARG_TREE; }

bool orders_tree(const struct verifier *v, const struct state *s) {
    uint32_t f = s->depth;
    while (f != 0 && !(is_callback_frame(v, &s->frames[f]) && calls_with_tree(v, s->frames[f].call))) { f--; }
    return f != 0;
}

bool is_called_back(const struct verifier *v, const struct state *s) { return v->timer != nullptr || callback_depth(v, s) != 0; }

uint32_t callback_depth(const struct verifier *v, const struct state *s) {
    uint32_t depth = s->depth;
    while (depth != 0 && !is_callback_frame(v, &s->frames[depth])) { depth--; }
    return depth;
}

static void set_number(struct reg *r, uint64_t below) {
    reg_set_scalar(r);
    scalar_set_range(&r->var, 0, below == 0 ? 0 : below - 1);
}

/* bpf_loop(times, function, context, flags): function(index, context). */
static uint64_t pass_index(struct reg *args) {
    uint64_t times = args[1].var.umax < CALLBACK_TURNS_MAX ? args[1].var.umax : CALLBACK_TURNS_MAX;
    struct reg context = args[3];
    set_number(&args[1], times);
    args[2] = context;
    args[3].kind = args[4].kind = REG_UNINIT;
    return times;
}

void callback_pass_element(struct verifier *v, struct reg *args) {
    const struct bpf_map_shape *map = &v->program->maps[args[1].map];
    reg_set_pointer(&args[2], REG_MEMORY);
    args[2].range = map->key_size;
    args[2].map = MEMORY_READS;
    args[2].id = new_id(v);
    reg_set_pointer(&args[3], REG_MAP_VALUE);
    args[3].map = args[1].map;
    args[3].id = new_id(v);
}

/* bpf_for_each_map_elem(map, function, context, flags): function(map, key, value, context). */
static uint64_t pass_element(struct verifier *v, struct reg *args) {
    args[4] = args[3];
    callback_pass_element(v, args);
    return v->program->maps[args[1].map].max_entries;
}

/* bpf_user_ringbuf_drain(map, function, context, flags): function(dynptr, context), for each message that is there. */
static uint64_t pass_message(struct reg *args) {
    enum { MESSAGES_MAX = 128 * 1024 };
    reg_set_pointer(&args[1], REG_OBJECT);
    args[1].map = OBJECT_DYNPTR_LOCAL;
    args[2] = args[3];
    args[3].kind = args[4].kind = REG_UNINIT;
    return MESSAGES_MAX;
}

/* bpf_find_vma(task, address, function, context, flags): function(task, area, context), once at most. */
static uint64_t pass_area(struct verifier *v, struct reg *args) {
    reg_set_pointer(&args[2], REG_OBJECT);
    args[2].map = OBJECT_KERNEL;
    args[2].id = new_id(v);
    args[3] = args[4];
    args[4].kind = REG_UNINIT;
    return 1;
}

static uint64_t pass(struct verifier *v, const struct state *s, struct reg *args) {
    if (calls_with_tree(v, s->pc)) { return own_pass_ordered(v, s, args); }
    if (args[3].kind == REG_FUNCTION) { return pass_area(v, args); }
    if (args[1].kind != REG_MAP) { return pass_index(args); }
    return v->program->maps[args[1].map].type == USER_RINGBUF ? pass_message(args) : pass_element(v, args);
}

bool callback_is_sure(const struct verifier *v, const struct state *s, uint64_t *turns) {
    const struct reg *args = s->regs;
    bool counts = args[1].kind == REG_SCALAR && args[2].kind == REG_FUNCTION && !calls_with_tree(v, s->pc);
    *turns = counts ? args[1].var.value : 0;
    return counts && scalar_is_const(&args[1].var) && *turns <= 1;
}

static void forget_numbers(const struct verifier *v, struct frame *frame) {
    for (uint64_t changed = frame->used & v->changed_back[frame->function]; changed != 0; changed &= changed - 1) {
        struct slot *slot = &frame->slots[__builtin_ctzll(changed)];
        slot->zeros = 0;
        if (slot->spill_bytes != 0 && !reg_is_pointer(&slot->reg)) { slot->spill_bytes = 0; }
    }
}

void callback_changes(struct verifier *v, uint32_t function, uint32_t first, uint32_t end) {
    for (uint32_t slot = first / 8; slot <= (end - 1) / 8; slot++) {
        uint64_t bit = (uint64_t)1 << slot;
        v->changes_more |= (v->changed_back[function] & bit) == 0;
        v->changed_back[function] |= bit;
    }
}

static uint64_t times(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

enum status callback_enter(struct verifier *v, struct state *s) {
    struct reg *args = s->regs;
    uint32_t target = (uint32_t)args[args[3].kind == REG_FUNCTION ? 3 : 2].off;
    uint64_t turns;
    bool sure = callback_is_sure(v, s, &turns);
    turns = pass(v, s, args);
    args[5].kind = REG_UNINIT;
    uint32_t nest = 1;
    for (uint32_t f = 1; f <= s->depth; f++) { nest += is_callback_frame(v, &s->frames[f]); }
    if (turns > v->callback_turns) { v->callback_turns = turns; }
    if (nest > v->callback_nest) { v->callback_nest = nest; }
    for (uint32_t f = 0; f <= s->depth && !sure; f++) { forget_numbers(v, &s->frames[f]); }
    return step_call(v, s, target);
}

void callback_skip(struct state *s) {
    for (uint32_t r = 1; r <= 5; r++) { s->regs[r].kind = REG_UNINIT; }
    reg_set_scalar(&s->regs[0]);
    scalar_set_unknown(&s->regs[0].var);
    s->pc++;
}

enum status callback_leave(struct verifier *v, struct state *s, const struct reg *r0) {
    if (r0->kind != REG_SCALAR || r0->var.umax > 1) {
        return refuse(v, STATUS_BAD_EXIT_VALUE, s->pc, "r0 is %R, a function that is called back returns 0 or 1", r0);
    }
    if (orders_tree(v, s)) { return STATUS_OK; }
    return reference_none_but(v, s, callback_depth(v, s), "at the end of a function that is called back");
}

uint64_t callback_bound(const struct verifier *v, uint64_t walked) {
    for (uint32_t i = 0; i < v->callback_nest; i++) { walked = times(walked, v->callback_turns == 0 ? 1 : v->callback_turns); }
    return walked;
}
