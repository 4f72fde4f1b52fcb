/* The pass; long, as the argument below is about all of it at once.
 *
 * Every edge that a run can take is either stepped, or leads to a state that waits and covers the one that comes, so
 * by induction over the steps of a run every state that it goes through is in one that was stepped.
 *
 * States are gone on from one after the other, so a run that only ever comes to states that still wait ends. A jump to a state
 * that was gone on from already must land on the head of a loop, and each must show that the loop gets
 * on: that since the head the place that it is ranked by has moved by a step at least, in one direction (rank.c). As that
 * place holds a number of a range whenever the head is passed, the head is passed at most (range / step) + 1 times in a row
 * before the loop is entered anew.
 *
 * `walked` bounds how many instructions a run has executed, this way: of a loop that may turn N times, T instructions a
 * turn at most, (N - 1) · T are added where it is entered, as if all turns but one were over. In the i-th turn a run has
 * then executed at most `walked` - (N - i) · T. For a jump back `walked` may be at most T above what it was at the head. */

#include "bpf/checker/pass.h"

#include "bpf/checker/fast.h"
#include "bpf/checker/format.h"
#include "bpf/checker/light.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/structure.h"
#include "lib/mem.h"

void next_event_at(struct checker *c, uint64_t steps) {
    if (c->in.at == c->in.end) {
        c->event = EVENT_NONE;
        c->due = UINT64_MAX;
        return;
    }
    uint64_t number = read_number(&c->in);
    c->event = number & 7;
    c->due = steps + (number >> 3);
}

/* ---- states that wait ---- */

static uint32_t class_of(uint32_t bytes) { return (bytes + CLASS_BYTES - 1) / CLASS_BYTES; }

static bool has_spare(const struct checker *c, uint32_t size_class) { return size_class < CLASSES && (c->has_spare >> size_class & 1) != 0; }
static_assert(CLASSES == 64);

/* Packs the machine's state; 0 when there is no room. */
uint32_t keep(struct checker *c, const struct change *change, uint32_t dropped) {
    struct entry *fresh = entry_at(c, c->arena_used);
    if (!entry_pack(&c->machine, change, dropped, fresh, c->arena_bytes - c->arena_used)) { return 0; }
    uint32_t size_class = class_of(fresh->bytes), place = c->arena_used;
    fresh->head = 0;
    if (++c->v->states > c->v->result->states) { c->v->result->states = c->v->states; }
    bool scarce = c->arena_used > c->arena_bytes / 2; /* until then, copying is not worth it */
    if (scarce && has_spare(c, size_class)) {
        place = c->spare[size_class];
        c->spare[size_class] = entry_at(c, place)->next;
        if (c->spare[size_class] == 0) { c->has_spare &= ~((uint64_t)1 << size_class); }
        memcpy(entry_at(c, place), fresh, fresh->bytes);
        entry_at(c, place)->next = 0;
        return place;
    }
    if (c->arena_bytes - c->arena_used < size_class * CLASS_BYTES) { return 0; }
    c->arena_used += size_class * CLASS_BYTES;
    return place;
}

void let_go(struct checker *c, uint32_t place) {
    struct entry *entry = entry_at(c, place);
    uint32_t size_class = class_of(entry->bytes);
    c->v->states--;
    if (place + size_class * CLASS_BYTES == c->arena_used) {
        c->arena_used = place;
    } else if (size_class < CLASSES) {
        entry->next = has_spare(c, size_class) ? c->spare[size_class] : 0;
        c->spare[size_class] = place;
        c->has_spare |= (uint64_t)1 << size_class;
    }
}

uint32_t next_waiting(const struct checker *c, uint32_t after) {
    uint32_t count = c->v->program->count, words = (count + 63) / 64, word = after / 64;
    uint64_t bits = c->waiting[word] & ~(((uint64_t)2 << after % 64) - 1);
    for (uint32_t turn = 0; turn <= words; turn++) {
        if (bits != 0) { return word * 64 + (uint32_t)__builtin_ctzll(bits); }
        word = word + 1 == words ? 0 : word + 1;
        bits = c->waiting[word];
    }
    return count;
}

/* ---- edges ---- */

/* The machine's state leaves for `target`, where it waits unless what waits there covers it. `enters`: null when it
 * goes on elsewhere first, or whether a loop begins there right away: then it is the state of its head. */
static enum status leave(struct checker *c, uint32_t target, enum event event, bool *enters) {
    struct machine *m = &c->machine;
    const struct change *change = nullptr;
    m->state.pc = target;
    c->v->facts->flags[target] |= FACT_JUMP_TARGET; /* whichever way it comes: where a state waits, none may begin to wait lightly */
    if (is_due(c, event)) {
        if (!change_read(&c->in, m, &c->change)) { return refuse_certificate(c, "it says more of a state than is known there"); }
        change = &c->change;
        next_event(c);
    }
    bool forced = change != nullptr && (change->parts & CHANGE_NEW) != 0;
    uint32_t first = c->first[target];
    if (first != 0 && entry_at(c, first)->head != 0) { return end_turn(c, entry_at(c, first)); }
    if (first == 0 && (c->v->facts->flags[target] & FACT_REACHED) != 0 && event == EVENT_JUMP && !forced) {
        return refuse_certificate(c, "a jump leads back to where no loop begins");
    }
    bool begins = c->event == EVENT_LOOP && c->due == c->steps + (event == EVENT_JUMP);
    if (enters != nullptr && begins && first == 0 && change != nullptr && (change->parts & (CHANGE_NEW | CHANGE_RANKS)) == 0) {
        enum status status = settle(c);
        change_apply(change, m);
        c->from = target;
        *enters = true;
        return status;
    }
    for (uint32_t place = forced ? 0 : first; place != 0; place = entry_at(c, place)->next) {
        struct entry *entry = entry_at(c, place);
        if (!entry_covers(entry, m, no_places)) { continue; }
        if (m->state.walked > entry->walked) { entry->walked = m->state.walked; }
        return STATUS_OK;
    }
    if (first != 0 && !forced) { return refuse_certificate(c, "a state comes here that none of those that wait covers"); }
    uint32_t place = keep(c, change, 0);
    if (place == 0) { return refuse(c->v, STATUS_TOO_MANY_STATES, target, "%u states wait", (uint64_t)c->v->states); }
    entry_at(c, place)->next = first;
    begin_wait(c, target, place);
    return STATUS_OK;
}

static enum status jump(struct checker *c, uint32_t target) { return leave(c, target, EVENT_JUMP, nullptr); }

/* ---- instructions ---- */

/* What can be said of a slot without any state; once. */
static enum status look_at(struct checker *c, uint32_t pc) {
    struct verifier *v = c->v;
    uint32_t fields, imm;
    __builtin_memcpy(&fields, &v->program->insns[pc], sizeof(fields));
    __builtin_memcpy(&imm, &v->program->insns[pc].imm, sizeof(imm));
    uint8_t shape = insn_shapes[(uint8_t)fields];
    c->reached += 1 + (shape == SHAPE_LD_IMM64);
    if (!is_plain(fields, imm, &plain[shape])) {
        enum status status = check_slot(v, pc, insn_at(v, pc), shape);
        if (status != STATUS_OK) { return status; }
    }
    if (shape < SHAPE_JA) { return STATUS_OK; }
    struct bpf_insn insn = insn_at(v, pc);
    if (is_local_call(insn, shape)) { return refuse_certificate(c, "calls between functions have no certificates"); }
    int64_t target = shape_jumps(shape) ? jump_target(insn, shape, pc) : 0;
    if (target < 0 || target >= (int64_t)v->program->count) {
        return refuse(v, STATUS_JUMP_OUT_OF_PROGRAM, pc, "jump to slot %d of %u", target, (uint64_t)v->program->count);
    }
    return STATUS_OK;
}

/* Both ways out of a conditional jump: leaves on the one, and stays on the other, if that is possible. */
static enum status part(struct checker *c, bool track, bool *ended) {
    struct machine *m = &c->machine;
    struct machine_masks saved;
    if (!machine_narrows(m, track)) { /* both ways are possible, and nothing is learnt on either */
        uint32_t pc = m->state.pc;
        enum status status = jump(c, pc + 1 + (uint32_t)c->v->program->insns[pc].off);
        m->state.pc = pc + 1;
        return status;
    }
    machine_save(m, &saved);
    enum status status = STATUS_OK;
    if (machine_assume(m, track, true)) { status = jump(c, m->state.pc); }
    machine_restore(m, &saved);
    if (status != STATUS_OK) { return status; }
    *ended = !machine_assume(m, track, false);
    return STATUS_OK;
}

/* After a jump that fast_steps() has stepped: as part(), if it is conditional. */
static enum status part_blindly(struct checker *c, bool *ended, bool *enters) {
    struct machine *m = &c->machine;
    uint32_t next = m->state.pc;
    int64_t target = (int64_t)next + c->v->program->insns[next - 1].off;
    if (target < 0 || target >= (int64_t)c->v->program->count) {
        return refuse(c->v, STATUS_JUMP_OUT_OF_PROGRAM, next - 1, "jump to slot %d of %u", target, (uint64_t)c->v->program->count);
    }
    bool always = c->v->program->insns[next - 1].opcode == (BPF_CLASS_JMP | BPF_JMP_JA);
    c->steps--; /* its events come before it is over */
    enum status status = leave(c, (uint32_t)target, EVENT_JUMP, always ? enters : nullptr);
    c->steps++;
    if (!always) { m->state.pc = next; } /* else it may lie behind the last slot */
    *ended = always && !*enters;
    return status;
}

/* One instruction, and what follows from where it leads. */
static inline enum status step(struct checker *c, enum track track, bool *ended, bool *enters) {
    struct machine *m = &c->machine;
    uint32_t pc = m->state.pc;
    if ((c->v->facts->flags[pc] & FACT_REACHED) == 0) {
        enum status status = look_at(c, pc);
        if (status != STATUS_OK) { return status; }
    }
    enum status status = STATUS_OK;
    switch (machine_step(m, track)) {
    case FLOW_BRANCH: status = part(c, track, ended); break;
    case FLOW_JUMPED:
    case FLOW_ALWAYS:
        status = leave(c, m->state.pc, EVENT_JUMP, enters);
        *ended = !*enters;
        break;
    case FLOW_EXIT:
        *ended = true;
        if (m->state.walked > c->v->result->bound) { c->v->result->bound = m->state.walked; }
        break;
    case FLOW_REFUSED: status = c->v->result->status; break;
    default: break;
    }
    c->steps++;
    return status;
}

/* Steps from the machine's state until its way ends. */
static enum status run(struct checker *c) {
    struct machine *m = &c->machine;
    uint32_t count = c->v->program->count;
    for (bool ended = false;;) {
        if (!ended && c->steps >= c->budget) { return refuse(c->v, STATUS_BUDGET_EXCEEDED, m->state.pc, "%u instructions stepped", c->steps); }
        enum fast_end how = fast_run(c, ended);
        if (how == FAST_ENDED) { return settle(c); }
        ended = false;
        bool enters = false;
        enum status status = c->light_count != 0 && !spares_lights(c, how) ? settle_lights(c) : STATUS_OK;
        if (status == STATUS_OK && how == FAST_PARTS) { status = part_blindly(c, &ended, &enters); }
        if (status == STATUS_OK && how >= FAST_SLOW) { status = step(c, (enum track)(how - FAST_SLOW), &ended, &enters); }
        if (status != STATUS_OK) { return status; }
        if (ended) { continue; }
        uint32_t pc = m->state.pc;
        if (pc >= count) { return refuse(c->v, STATUS_FALLS_OFF_END, pc - 1, "the last instruction is not exit or ja"); }
        if (!enters && (c->first[pc] != 0 || is_due(c, EVENT_FALL))) { /* states wait there, or a loop begins */
            status = settle(c);
            if (status == STATUS_OK) { status = leave(c, pc, EVENT_FALL, &enters); }
            if (status != STATUS_OK || !enters) { return status; }
        }
        if (enters) { status = begin_loop(c, &c->first[pc]); }
        if (status != STATUS_OK) { return status; }
    }
}

/* ---- the pass ---- */

/* Goes through the program from all states that wait at this slot. */
static enum status go_on_at(struct checker *c, uint32_t pc) {
    struct machine *m = &c->machine;
    uint32_t place = c->first[pc];
    c->waiting[pc / 64] &= ~((uint64_t)1 << pc % 64);
    c->first[pc] = 0;
    enum status status = STATUS_OK;
    while (place != 0 && status == STATUS_OK) {
        struct entry *entry = entry_at(c, place);
        c->rest = entry->next;
        entry_load(entry, m);
        m->state.pc = pc;
        if (is_due(c, EVENT_LOOP)) { status = begin_loop(c, &place); }
        if (entry_at(c, place)->head == 0) {
            let_go(c, place);
        } else {
            c->first[pc] = place;
        }
        if (status == STATUS_OK) { status = run(c); }
        place = c->rest;
    }
    return status;
}

static enum status pass(struct checker *c) {
    uint32_t count = c->v->program->count;
    next_event(c);
    bool waits_first = is_due(c, EVENT_FALL) || is_due(c, EVENT_LOOP);
    enum status status = waits_first ? leave(c, 0, EVENT_FALL, nullptr) : run(c);
    while (status == STATUS_OK) {
        if (c->in.bad) { return refuse_certificate(c, "it is cut off"); }
        if (is_due(c, EVENT_ORDER)) {
            uint64_t slot = read_number(&c->in);
            if (slot >= count || !waits(c, (uint32_t)slot)) { return refuse_certificate(c, "no state waits where it goes on"); }
            c->from = (uint32_t)slot;
            next_event(c);
        } else if (!waits(c, c->from)) {
            c->from = next_waiting(c, c->from);
            if (c->from == count) { break; }
        }
        status = go_on_at(c, c->from);
    }
    if (status != STATUS_OK) { return status; }
    if (c->event != EVENT_NONE || c->in.bad) { return refuse_certificate(c, "it goes on behind the program's end"); }
    return STATUS_OK;
}

static struct checker *open_checker(struct verifier *v, struct span certificate, uint64_t budget) {
    uint32_t count = v->program->count, waiting_bytes = (count + 63) / 64 * 8, slot_bytes = waiting_bytes + count * (uint32_t)sizeof(uint32_t);
    struct checker *c = take_memory(v, sizeof(*c) + sizeof(struct frame) + slot_bytes);
    if (c == nullptr) { return nullptr; }
    struct frame *frame = (struct frame *)(c + 1);
    c->v = v;
    c->in = (struct reader){certificate.data, certificate.data + certificate.size, false};
    c->steps = c->reached = c->head_count = c->beside_count = c->light_count = c->held = c->from = c->rest = c->shelves = 0;
    c->held_slots = c->has_spare = 0;
    c->none.target = UINT32_MAX;
    c->budget = budget;
    c->waiting = (uint64_t *)(frame + 1);
    c->first = (uint32_t *)(c->waiting + waiting_bytes / 8);
    memset(c->waiting, 0, slot_bytes);
    if (is_privileged(v) && !reference_open(v)) { return nullptr; }
    c->arena = v->free - CLASS_BYTES; /* 0 is no place */
    c->arena_bytes = (uint32_t)(v->limit - c->arena);
    v->free = v->limit;
    c->arena_used = CLASS_BYTES;
    machine_begin(v, &c->machine, frame);
    return c;
}

static void begin_walk(struct verifier *v) {
    v->last_id = v->undo_count = v->states = 0;
    v->references = nullptr;
    v->undo_held = nullptr;
    v->undo_active = v->precise = false;
    v->functions[0] = (struct function){0};
    if (v->accesses != nullptr) { memset(v->accesses, ACCESSES_NOTHING, v->program->count); }
    v->function_count = v->frame_count = 1;
    memset(v->facts->flags, 0, v->program->count);
    v->facts->vector_count = v->facts->index_count = 0;
}

static enum status check(struct verifier *v, struct span certificate, uint64_t budget) {
    enum status status = check_program(v);
    if (status != STATUS_OK) { return status; }
    if (certificate.size == 0 || certificate.data[0] != CERTIFICATE_VERSION) {
        return refuse(v, STATUS_BAD_CERTIFICATE, 0, "it is of another version than %u", (uint64_t)CERTIFICATE_VERSION);
    }
    v->accesses = is_privileged(v) ? take_memory(v, v->program->count) : nullptr;
    if (v->accesses == nullptr && is_privileged(v)) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    begin_walk(v);
    uint8_t *free = v->free;
    struct checker *c = open_checker(v, (struct span){certificate.data + 1, certificate.size - 1}, budget);
    if (c == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    status = pass(c);
    v->result->steps = c->steps;
    if (status != STATUS_OK || c->reached == v->program->count) { return status; }
    uint16_t stack_bytes = v->functions[0].stack_bytes;
    v->free = free; /* some slots are never reached: what can be said of them is what can be said of any */
    v->point_count = v->loop_count = 0;
    status = check_structure(v);
    v->functions[0].stack_bytes = stack_bytes;
    return status;
}

/* Refusals that hold whatever the certificate says. */
static bool is_of_program(enum status status) {
    switch (status) {
    case STATUS_EMPTY_PROGRAM:
    case STATUS_PROGRAM_TOO_LONG:
    case STATUS_UNKNOWN_HOOK:
    case STATUS_INVALID_ARGUMENT:
    case STATUS_BAD_OPCODE:
    case STATUS_BAD_REGISTER:
    case STATUS_RESERVED_FIELD:
    case STATUS_FRAME_POINTER_WRITE:
    case STATUS_UNSUPPORTED_INSTRUCTION:
    case STATUS_INCOMPLETE_LD_IMM64:
    case STATUS_UNKNOWN_MAP:
    case STATUS_JUMP_OUT_OF_PROGRAM:
    case STATUS_JUMP_INTO_LD_IMM64:
    case STATUS_FALLS_OFF_END:
    case STATUS_UNREACHABLE_INSTRUCTION: return true;
    default: return false;
    }
}

enum status bpf_check(const struct bpf_program *program, struct span certificate, const struct verifier_workspace *workspace,
                      struct bpf_facts *facts, struct verifier_result *result, const struct observation *observation) {
    struct verifier *v = verifier_open(program, workspace, facts, result);
    if (v == nullptr) { return result->status; }
    if (observation != nullptr) {
        v->observer = observation->observer;
        v->observer_cookie = observation->cookie;
    }
    enum status status = check(v, certificate, workspace->step_budget);
    if (status != STATUS_OK) {
        result->bound = 0;
        return result->status = is_of_program(status) ? status : STATUS_BAD_CERTIFICATE;
    }
    facts->stack_bytes = v->functions[0].stack_bytes;
    result->status = STATUS_OK;
    result->insn = 0;
    result->message[0] = '\0';
    return STATUS_OK;
}
