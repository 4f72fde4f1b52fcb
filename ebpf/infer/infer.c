/* bpf_infer(): the steps in their order. */

#include "bpf/checker/checker.h"
#include "inference.h"

#include "lib/mem.h"

static void begin_walk(struct verifier *v) {
    v->last_id = v->undo_count = v->states = 0;
    v->references = nullptr;
    v->undo_held = nullptr;
    v->undo_active = v->precise = false;
    v->functions[0] = (struct function){0};
    if (v->accesses != nullptr) { memset(v->accesses, ACCESSES_NOTHING, v->program->count); }
    memset(v->facts->flags, 0, v->program->count);
    v->facts->vector_count = v->facts->index_count = 0;
}

static void add_threshold(struct inference *f, uint64_t value) {
    uint32_t at = f->threshold_count;
    while (at != 0 && f->thresholds[at - 1] > value) { at--; }
    if (at != 0 && f->thresholds[at - 1] == value) { return; }
    for (uint32_t i = f->threshold_count; i > at; i--) { f->thresholds[i] = f->thresholds[i - 1]; }
    f->thresholds[at] = value;
    f->threshold_count++;
}

enum { THRESHOLDS = 2048 };

static void add_around(struct inference *f, uint64_t value) {
    for (uint64_t by = 0; by < 3 && f->threshold_count < THRESHOLDS; by++) { add_threshold(f, value + by - 1); }
}

/* Constants of the program and what is next to them, and the ends of the usual widths. */
static void collect_thresholds(struct inference *f) {
    static const uint64_t usual[] = {0, UINT8_MAX, UINT16_MAX, INT32_MAX, UINT32_MAX, INT64_MAX, (uint64_t)INT64_MIN, (uint64_t)INT32_MIN};
    for (uint32_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) { add_threshold(f, usual[i]); }
    for (uint32_t pc = 0; pc < f->v->program->count; pc++) {
        struct bpf_insn insn = insn_at(f->v, pc);
        uint8_t shape = insn_shapes[insn.opcode];
        bool constant = shape == SHAPE_COND_K || shape == SHAPE_MOV_K || shape == SHAPE_ALU_K;
        if (constant) { add_around(f, (uint64_t)(int64_t)insn.imm); }
        if (constant && insn.imm < 0) { add_around(f, (uint32_t)insn.imm); }
    }
    for (uint32_t i = 0; i < f->v->program->map_count; i++) { add_around(f, f->v->program->maps[i].value_size); }
    add_around(f, f->v->program->memory_size);
}

/* Whether slots order the sites: nothing leads back but to the head of a loop around it. */
static bool slots_order(const struct inference *f) {
    uint32_t from = 0, site;
    for (uint32_t pc = 0; pc < f->v->program->count; pc++) {
        if ((f->v->marks[pc] & MARK_SECOND) != 0) { continue; }
        if (site_at(f, pc, &site)) { from = site; }
        struct bpf_insn insn = insn_at(f->v, pc);
        uint8_t shape = insn_shapes[insn.opcode];
        if (!shape_jumps(shape)) { continue; }
        int64_t target = jump_target(insn, shape, pc);
        if (target > pc || !site_at(f, (uint32_t)target, &site)) { continue; }
        if (!is_head(f, site) || !inside(f, site, from)) { return false; }
    }
    for (uint32_t i = 0; i < f->v->point_count; i++) { /* a head before all that it heads */
        for (uint32_t head = point_of(f, i)->head; head != NO_POINT; head = point_of(f, head)->outer) {
            if (point_of(f, head)->pc > point_of(f, i)->pc) { return false; }
        }
    }
    return true;
}

static struct inference *open_inference(struct verifier *v, uint64_t budget, const uint8_t *unrolled) {
    struct inference *f = take_memory(v, sizeof(*f));
    struct frame *frames = take_memory(v, 2 * sizeof(*frames));
    if (f == nullptr || frames == nullptr) { return nullptr; }
    memset(f, 0, sizeof(*f));
    memset(frames, 0, 2 * sizeof(*frames));
    f->v = v;
    f->budget = budget;
    f->unrolled = unrolled;
    f->notes = take_memory(v, v->program->count * (uint32_t)sizeof(*f->notes));
    f->thresholds = take_memory(v, (THRESHOLDS + 16) * (uint32_t)sizeof(*f->thresholds));
    if (f->notes == nullptr || f->thresholds == nullptr || !open_sites(f)) { return nullptr; }
    memset(f->notes, 0, v->program->count * sizeof(*f->notes));
    collect_thresholds(f);
    f->by_order = f->unrolled != nullptr || !slots_order(f);
    machine_begin(v, &f->other, &frames[1]);
    machine_begin(v, &f->machine, &frames[0]);
    return f;
}

/* How to search, and what came of it. */
struct search {
    uint64_t budget, steps;
    enum links links;
    const uint8_t *unrolled; /* as in struct inference */
    bool apart;
    bool all;          /* all loops are gone through turn by turn */
    uint32_t longest;  /* longest_loop() */
    struct emitted emitted;
};

/* The search itself, in what is left of the workspace. */
static enum status search(struct verifier *v, struct search *how) {
    begin_walk(v);
    how->steps = 0;
    how->longest = NO_POINT;
    struct inference *f = open_inference(v, how->budget, how->unrolled);
    if (f == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    f->links = how->links;
    f->apart = how->apart;
    f->climb_budget = how->all ? 2 * (uint64_t)CHECKER_STEPS_PER_INSN * v->program->count : how->budget; /* each turn is climbed once, and then checked */
    enum status status = find_invariants(f);
    if (status == STATUS_OK) { status = find_ranks(f); }
    if (status == STATUS_OK) {
        find_needs(f);
        status = v->platform->privileged ? STATUS_OK : find_dead(f);
    }
    if (status == STATUS_OK) { status = reduce_states(f); }
    if (status == STATUS_OK) { status = emit_certificate(f, &how->emitted); }
    how->steps = f->steps;
    if (how->unrolled != nullptr) { how->longest = longest_loop(f); }
    return status;
}

/* Beside what was found with all copies linked, what is found with fewer links, where that proves the same: it costs the board
 * less. */
static void search_unlinked(struct verifier *v, struct search *found) {
    struct emitted *emitted = &found->emitted;
    uint8_t *bytes = take_memory(v, emitted->certificate.size_bytes), *flags = take_memory(v, v->program->count);
    if (bytes == nullptr || flags == nullptr) { return; } /* no room to search in, either */
    memmove(bytes, emitted->certificate.bytes, emitted->certificate.size_bytes);
    memcpy(flags, v->facts->flags, v->program->count);
    emitted->certificate.bytes = bytes;
    const struct verifier_result result = *v->result;
    const uint32_t indexes = v->facts->index_count;
    uint8_t *free = v->free;
    bool same = false;
    for (enum links links = LINKS_NONE; links < emitted->linked && !same && found->steps < found->budget; links++) {
        struct search other = {.budget = found->budget - found->steps, .links = links, .unrolled = found->unrolled, .apart = found->apart, .all = found->all};
        v->free = free;
        enum status status = search(v, &other);
        found->steps += other.steps;
        same = status == STATUS_OK && other.emitted.bound <= emitted->bound && v->facts->index_count == indexes && memcmp(flags, v->facts->flags, v->program->count) == 0;
        if (same) { *emitted = other.emitted; }
    }
    *v->result = result;
}

static bool takes_too_long(enum status status) { return status == STATUS_TOO_MANY_STATES || status == STATUS_BUDGET_EXCEEDED; }

/* What no states prove that hold in all turns of a loop is searched turn by turn (turns.c): of all loops at first, then without those
 * that take too long; where that is said of all of them, at last with what follows a loop apart for each turn that it is left in. `unrolled`: a byte for each point. */
static enum status search_turns(struct verifier *v, struct search *how, uint8_t *unrolled) {
    const struct verifier_result first = *v->result;
    const uint64_t budget = how->budget;
    uint64_t spent = how->steps;
    uint8_t *free = v->free;
    enum status status = first.status;
    how->unrolled = unrolled;
    memset(unrolled, 1, v->point_count);
    bool goes_on = true;
    how->all = true;
    while (goes_on && spent < budget) {
        v->free = free;
        how->budget = budget - spent;
        status = search(v, how);
        spent += how->steps;
        if (takes_too_long(status) && how->longest != NO_POINT && !how->apart) {
            unrolled[how->longest] = 0;
            how->all = false;
        } else {
            goes_on = status != STATUS_OK && how->all && !how->apart;
            how->apart |= goes_on;
        }
    }
    how->budget = budget;
    how->steps = spent;
    if (status == STATUS_OK) { return status; }
    *v->result = first;
    return first.status;
}

static enum status infer(struct verifier *v, uint64_t budget, struct certificate *certificate) {
    enum status status = check_program(v);
    if (status == STATUS_OK) { status = check_structure(v); }
    if (status == STATUS_OK && v->call_count != 0) { status = refuse(v, STATUS_BAD_CERTIFICATE, 0, "calls between functions have no certificates"); }
    if (status == STATUS_OK) { status = compute_order(v); }
    if (status != STATUS_OK) { return status; }
    v->accesses = v->platform->privileged ? take_memory(v, v->program->count) : nullptr;
    if (v->accesses == nullptr && v->platform->privileged) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    v->follows_callbacks = false;
    uint8_t *unrolled = take_memory(v, v->point_count), *free = v->free;
    if (unrolled == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    struct search how = {.budget = budget, .links = LINKS_ALL};
    status = search(v, &how);
    if (status != STATUS_OK && v->loop_count != 0 && !v->platform->privileged) {
        v->free = free;
        status = search_turns(v, &how, unrolled);
    }
    if (status == STATUS_OK && how.emitted.linked != LINKS_NONE && !v->platform->privileged) {
        v->free = free;
        search_unlinked(v, &how);
    }
    if (status == STATUS_OK) { *certificate = how.emitted.certificate; }
    v->result->steps = how.steps;
    return status;
}

enum status bpf_infer(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                      struct verifier_result *result, struct certificate *certificate, state_observer observer) {
    struct verifier *v = verifier_open(program, workspace, facts, result);
    *certificate = (struct certificate){nullptr, 0};
    if (v == nullptr) { return result->status; }
    v->observer = observer;
    return result->status = infer(v, workspace->step_budget, certificate);
}
