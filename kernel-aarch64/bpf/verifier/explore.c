/* The walk over all ways through the program.
 *
 * One state is walked at a time; the others rest as snapshots, ordered by place. The one furthest behind goes first, so
 * ways that split come to the point where they meet before either goes on, and merge there: a state that another covers
 * is dropped, states that differ only where it can't matter are joined. Each keeps the longest way that led to it, so
 * the longest way to any exit bounds every run. Loops are walked turn by turn until no state is left in them. */

#include "bpf/verifier/explore.h"

#include "bpf/verifier/callback.h"
#include "bpf/verifier/heads.h"
#include "bpf/verifier/iterator.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/snapshot.h"
#include "bpf/verifier/step.h"
#include "lib/mem.h"

/* States that may rest at one place before they are joined, whatever that costs in precision. */
enum { CROWD_COARSE = 8, CROWD_PRECISE = 64, CROWD_PRIVILEGED = 4096 };

enum { LINEAGES = 512 };

/* States that rest, from which number on they get signatures. */
enum { SIGNED_STATES = 32 };

/* Comparisons of states that the budget allows for each instruction: where many rest, they are what takes time. */
enum { COMPARISONS_A_STEP = 32 };

/* What is remembered of an earlier turn of a loop. */
struct loop_mark {
    struct snapshot *remembered;
    uint64_t turns;
    uint32_t lineage; /* a state that has passed it has it among its ancestors */
};

struct walk {
    struct snapshot *first; /* resting states, by place */
    struct heads heads;
    struct state state;     /* the one that is walked */
    struct signature now;   /* its signature, where it was asked for */
    struct loop_mark *loops; /* of each jump target */
    uint16_t parents[LINEAGES];
    uint32_t lineages;
};

static enum status refuse_full(struct verifier *v, uint32_t pc) {
    return refuse(v, STATUS_TOO_MANY_STATES, pc, "%u states rest here and elsewhere", (uint64_t)v->states);
}

/* ---- resting ---- */

static void remove_next(struct verifier *v, struct snapshot **link) {
    struct snapshot *gone = *link;
    *link = gone->next;
    snapshot_free(v, gone);
}

/* Whether signatures tell that neither of the state and the snapshot covers the other. */
static bool is_apart(struct verifier *v, struct walk *w, const struct snapshot *snapshot) {
    v->compared += OTHER_PLATFORMS;
    if (!OTHER_PLATFORMS || !signature_is_set(&snapshot->signature)) { return false; }
    if (!signature_is_set(&w->now)) { signature_of(v, &w->state, &w->now); }
    return signatures_differ(&w->now, &snapshot->signature);
}

static inline void forget_signature(struct walk *w) {
    if (OTHER_PLATFORMS) { memset(&w->now, 0, sizeof(w->now)); }
}

static struct relation relation_to(struct verifier *v, struct walk *w, const struct snapshot *snapshot) {
    if (is_apart(v, w, snapshot)) { return (struct relation){.comparable = signatures_meet(&w->now, &snapshot->signature)}; }
    return snapshot_relation(v, &w->state, snapshot);
}

static void sign(const struct verifier *v, struct walk *w, struct snapshot *kept) {
    if (!OTHER_PLATFORMS || !is_privileged(v)) { return; }
    if (!signature_is_set(&w->now) && v->states >= SIGNED_STATES) { signature_of(v, &w->state, &w->now); }
    kept->signature = w->now;
}

/* Lets the state rest unless a resting one covers it. *crowded when too many rest at its place. */
static enum status rest(struct verifier *v, struct walk *w, const struct place *place, bool *crowded) {
    const struct state *s = &w->state;
    uint64_t walked = s->walked;
    uint32_t count = 0;
    struct snapshot **link = &w->first;
    while (*link != nullptr && place_compare(&(*link)->place, place) < 0) { link = &(*link)->next; }
    forget_signature(w);
    while (*link != nullptr && place_compare(&(*link)->place, place) == 0) {
        struct relation relation = relation_to(v, w, *link);
        if (relation.covered) {
            if (walked > (*link)->walked) { (*link)->walked = walked; } /* of those that it covered, too */
            return STATUS_OK;
        }
        if (relation.covers) {
            if ((*link)->walked > walked) { walked = (*link)->walked; }
            remove_next(v, link);
            continue;
        }
        count += relation.comparable;
        link = &(*link)->next;
    }
    uint32_t crowd = !v->precise ? CROWD_COARSE : is_privileged(v) ? CROWD_PRIVILEGED : CROWD_PRECISE;
    *crowded = count >= crowd;
    struct snapshot *kept = snapshot_take(v, s, place);
    if (kept == nullptr) { return refuse_full(v, s->pc); }
    kept->walked = walked;
    sign(v, w, kept);
    kept->next = *link;
    *link = kept;
    return STATUS_OK;
}

/* Joins into the walked state what rests at its place and joins well with it; all of it when `crowded`. */
static void merge_here(struct verifier *v, struct walk *w, const struct place *place, bool crowded) {
    struct state *s = &w->state;
    forget_signature(w);
    for (struct snapshot **link = &w->first; *link != nullptr && place_compare(&(*link)->place, place) == 0;) {
        if (!crowded && is_apart(v, w, *link)) {
            link = &(*link)->next;
            continue;
        }
        bool comparable, joins_well = snapshot_joins_well(v, s, *link, &comparable);
        if (joins_well || (crowded && comparable)) {
            snapshot_join(v, s, *link);
            forget_signature(w);
            remove_next(v, link);
        } else {
            link = &(*link)->next;
        }
    }
}

/* Takes up the state that is furthest behind, with all that can be merged into it. */
static void take_up(struct verifier *v, struct walk *w, bool crowded) {
    struct snapshot *front = w->first;
    struct place place;
    place_copy(&place, &front->place);
    w->first = front->next;
    snapshot_load(v, front, &w->state);
    snapshot_free(v, front);
    merge_here(v, w, &place, crowded);
}

/* Joins all states that rest at one place. The walked state must rest too: its memory is used. */
static enum status join_crowd(struct verifier *v, struct walk *w, const struct place *place) {
    struct snapshot *before = w->first, **link = &before;
    while (place_compare(&(*link)->place, place) < 0) { link = &(*link)->next; }
    w->first = *link; /* cut the list there for a moment */
    take_up(v, w, true);
    *link = w->first;
    w->first = before;
    bool crowded;
    struct place joined;
    state_place(v, &w->state, &joined);
    return rest(v, w, &joined, &crowded);
}

/* At a jump target: waits for the states that are behind, merges with those that are here. */
static enum status arrive(struct verifier *v, struct walk *w) {
    if (w->first == nullptr) { return STATUS_OK; }
    struct place place;
    state_place(v, &w->state, &place);
    int32_t against_first = place_compare(&place, &w->first->place);
    if (against_first < 0) { return STATUS_OK; }
    if (against_first == 0) {
        if (snapshot_join_alike(v, &w->state, w->first)) {
            remove_next(v, &w->first);
        } else {
            state_forget(v, &w->state);
        }
        merge_here(v, w, &place, false);
        return STATUS_OK;
    }
    state_forget(v, &w->state);
    bool crowded = false;
    enum status status = rest(v, w, &place, &crowded);
    if (status == STATUS_OK && crowded) { status = join_crowd(v, w, &place); }
    if (status == STATUS_OK) { take_up(v, w, false); }
    return status;
}

/* ---- loops that make no progress ---- */

static bool is_ancestor(const struct walk *w, uint32_t lineage, uint32_t ancestor) {
    while (lineage > ancestor) { lineage = w->parents[lineage]; } /* parents are older, and so smaller */
    return lineage == ancestor;
}

/* A state that comes back to a loop just as it was there before will come back forever. One earlier state a loop is
 * remembered, a newer one at each power of two, so that every period is found in the end. */
static enum status check_progress(struct verifier *v, struct walk *w) {
    struct state *s = &w->state;
    struct loop_mark *mark = &w->loops[v->points[s->pc] - 1];
    if (mark->remembered != nullptr && mark->remembered->depth == s->depth &&
        is_ancestor(w, s->lineage, mark->lineage) && snapshot_same_decisive(v, s, mark->remembered)) {
        return refuse(v, STATUS_UNBOUNDED_LOOP, s->pc, "after %u turns nothing has changed that could end the loop", mark->turns);
    }
    mark->turns++;
    if ((mark->turns & (mark->turns - 1)) != 0 || w->lineages + 1 == LINEAGES) { return STATUS_OK; }
    if (mark->remembered != nullptr) { snapshot_free(v, mark->remembered); }
    struct place place;
    state_place(v, s, &place);
    mark->remembered = snapshot_take(v, s, &place);
    if (mark->remembered == nullptr) { return STATUS_OK; }
    mark->lineage = ++w->lineages;
    w->parents[mark->lineage] = (uint16_t)s->lineage;
    s->lineage = mark->lineage;
    return STATUS_OK;
}

/* ---- the walk ---- */

/* True when the jump's target stays in the loop that falling through leaves. */
static bool target_first(const struct verifier *v, const struct state *s, uint32_t target) {
    uint16_t next = v->points[s->pc + 1];
    if (next == 0) { return false; }
    const struct point *falls = &v->points_at[next - 1], *jumps = &v->points_at[v->points[target] - 1];
    return falls->level < jumps->level || (falls->level == jumps->level && falls->order > jumps->order && jumps->pc <= s->pc);
}

/* Rests one way out of the conditional jump and walks the other. False when neither is possible. */
static enum status branch(struct verifier *v, struct walk *w, bool *possible) {
    struct state *s = &w->state;
    uint32_t pc = s->pc, target = pc + 1 + (uint32_t)v->program->insns[pc].off;
    bool rest_taken = !target_first(v, s, target), crowded = false;
    struct frame *frame = &s->frames[s->depth];
    uint16_t point = frame->point;
    uint32_t turns[NESTING];
    bool loops = v->loop_count != 0;
    if (loops) { __builtin_memcpy_inline(turns, frame->turns, sizeof(turns)); }
    struct place place;
    enum status status = STATUS_OK;
    v->undo_active = true;
    if (state_assume(v, s, rest_taken)) {
        if (v->points[s->pc] != 0) { (void)enter_point(v, s); }
        state_place(v, s, &place);
        status = rest(v, w, &place, &crowded);
    }
    state_undo(v);
    v->undo_active = false;
    s->pc = pc;
    frame->point = point;
    if (loops) { __builtin_memcpy_inline(frame->turns, turns, sizeof(turns)); }
    *possible = state_assume(v, s, !rest_taken);
    if (!crowded || status != STATUS_OK) { return status; }
    bool again = false;
    if (*possible) {
        if (v->points[s->pc] != 0) { (void)enter_point(v, s); }
        struct place near;
        state_place(v, s, &near);
        status = rest(v, w, &near, &again);
    }
    if (status == STATUS_OK) { status = join_crowd(v, w, &place); }
    *possible = false; /* it rests: whatever is furthest behind goes on */
    return status;
}

/* Rests what follows when the helper calls nothing back, and walks into one call of the function. */
static enum status call_back(struct verifier *v, struct walk *w) {
    struct state *s = &w->state;
    struct frame *frame = &s->frames[s->depth];
    struct reg regs[6];
    uint32_t pc = s->pc, turns[NESTING];
    uint16_t point = frame->point;
    memcpy(regs, s->regs, sizeof(regs));
    memcpy(turns, frame->turns, sizeof(turns));
    callback_skip(s);
    if (v->points[s->pc] != 0) { (void)enter_point(v, s); }
    struct place place;
    bool crowded;
    state_place(v, s, &place);
    enum status status = rest(v, w, &place, &crowded);
    s->pc = pc;
    frame->point = point;
    memcpy(s->regs, regs, sizeof(regs));
    memcpy(frame->turns, turns, sizeof(turns));
    return status == STATUS_OK ? callback_enter(v, s) : status;
}

/* Rests what follows the instruction, and goes on in the caller as after a function that it has left. */
static enum status leave_function(struct verifier *v, struct walk *w) {
    struct state *s = &w->state;
    if (v->points[s->pc] != 0) { (void)enter_point(v, s); }
    struct place place;
    bool crowded;
    state_place(v, s, &place);
    enum status status = rest(v, w, &place, &crowded);
    return status == STATUS_OK ? step_leave(v, s) : status;
}

/* ---- iterators ---- */

static void set_null(struct reg *r) {
    reg_set_scalar(r);
    scalar_set_const(&r->var, 0);
}

/* Rests what follows when the iterator gives no element, and goes on with one. */
static enum status part_ways(struct verifier *v, struct walk *w, uint8_t iterator) {
    struct state *s = &w->state;
    struct frame *frame = &s->frames[s->depth];
    struct reg element;
    uint32_t turns[NESTING];
    uint16_t point = frame->point, held = s->frames[0].call;
    reg_copy(&element, &s->regs[0]);
    memcpy(turns, frame->turns, sizeof(turns));
    set_null(&s->regs[0]);
    if (v->points[s->pc] != 0) { (void)enter_point(v, s); }
    struct place place;
    bool crowded;
    state_place(v, s, &place);
    enum status status = reference_drain(v, s, iterator);
    if (status == STATUS_OK) { status = rest(v, w, &place, &crowded); }
    frame->point = point;
    s->frames[0].call = held;
    reg_copy(&s->regs[0], &element);
    s->regs[0].kind = kind_not_null(element.kind);
    memcpy(frame->turns, turns, sizeof(turns));
    return status;
}

/* One that has given its last element is asked as any function is called: no run may ask it again and again. */
static enum status step_next(struct verifier *v, struct walk *w, bool *covered) {
    struct state *s = &w->state;
    struct bpf_insn insn = insn_at(v, s->pc);
    struct iterator iterator;
    enum status status = iterator_find(v, s, 1, v->platform->helpers[insn.imm].object, &iterator);
    if (status != STATUS_OK) { return status; }
    uint8_t name = iterator.slot->reg.frame;
    bool drained = reference_drained(v, s, name);
    if (!drained) { status = converge(v, s, &w->heads, iterator.slot->reg.id, covered); }
    if (status == STATUS_OK && !*covered) { status = state_step(v, s, insn, SHAPE_CALL); }
    s->pc++;
    if (drained && status == STATUS_OK) { set_null(&s->regs[0]); }
    return drained || *covered || status != STATUS_OK ? status : part_ways(v, w, name);
}

/* Rests what follows when the jump is taken, and goes on behind it. The kernel counts for each call of a function, and begins anew
 * with each; once it has lost patience, it takes every such jump. */
static enum status step_may_goto(struct verifier *v, struct walk *w, bool *covered) {
    struct state *s = &w->state;
    uint32_t target = s->pc + 1 + (uint32_t)v->program->insns[s->pc].off;
    if (s->depth != 0) { return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, s->pc, "may_goto in a function that is called"); }
    if (reference_patience_ended(v, s)) {
        s->pc = target;
        return STATUS_OK;
    }
    v->may_go_on = true;
    enum status status = converge(v, s, &w->heads, 0, covered);
    if (status != STATUS_OK || *covered) { return status; }
    struct frame *frame = &s->frames[0];
    uint32_t turns[NESTING];
    uint16_t point = frame->point, held = frame->call;
    memcpy(turns, frame->turns, sizeof(turns));
    uint32_t pc = s->pc;
    s->pc = target;
    if (v->points[s->pc] != 0) { (void)enter_point(v, s); }
    struct place place;
    bool crowded;
    state_place(v, s, &place);
    status = reference_end_patience(v, s);
    if (status == STATUS_OK) { status = rest(v, w, &place, &crowded); }
    s->pc = pc + 1;
    frame->point = point;
    frame->call = held;
    memcpy(frame->turns, turns, sizeof(turns));
    return status;
}

static void note_end(struct verifier *v, const struct state *s) {
    if (s->walked > v->result->bound) { v->result->bound = s->walked; }
}

static bool resume(struct verifier *v, struct walk *w) {
    if (w->first == nullptr) { return false; }
    take_up(v, w, false);
    return true;
}

/* Goes on after an instruction that did not simply lead to the next; *ended when no state is left. */
static enum status walk_on(struct verifier *v, struct walk *w, enum flow flow, bool *ended) {
    struct state *s = &w->state;
    enum status status = STATUS_OK;
    if (flow == FLOW_REFUSED) { return v->result->status; }
    if (OTHER_PLATFORMS && flow == FLOW_CALLBACK) {
        status = call_back(v, w);
        if (status != STATUS_OK) { return status; }
    }
    if (OTHER_PLATFORMS && flow == FLOW_LEAVES) {
        status = leave_function(v, w);
        if (status != STATUS_OK) { return status; }
    }
    bool covered = false;
    if (OTHER_PLATFORMS && (flow == FLOW_ITERATES || flow == FLOW_MAY_GOTO)) {
        status = flow == FLOW_ITERATES ? step_next(v, w, &covered) : step_may_goto(v, w, &covered);
        if (status != STATUS_OK) { return status; }
    }
    if (flow == FLOW_EXIT || covered) {
        note_end(v, s);
        *ended = !resume(v, w);
        return STATUS_OK;
    }
    if (flow == FLOW_BRANCH) {
        bool possible;
        status = branch(v, w, &possible);
        if (status != STATUS_OK) { return status; }
        if (!possible) {
            *ended = !resume(v, w);
            return STATUS_OK;
        }
    }
    if (v->points[s->pc] == 0) { return STATUS_OK; }
    if (enter_point(v, s)) { status = check_progress(v, w); }
    return status == STATUS_OK ? arrive(v, w) : status;
}

static enum status walk_all(struct verifier *v, struct walk *w, uint64_t budget) {
    struct state *s = &w->state;
    uint64_t left = budget - v->result->steps;
    enum status status = STATUS_OK;
    for (bool ended = false; !ended && status == STATUS_OK;) {
        if (left == 0 || v->last_id > INT32_MAX) {
            status = refuse(v, STATUS_BUDGET_EXCEEDED, s->pc, "%u instructions walked", budget - left);
            break;
        }
        if (OTHER_PLATFORMS && v->compared / COMPARISONS_A_STEP > budget) {
            status = refuse(v, STATUS_BUDGET_EXCEEDED, s->pc, "%u states compared", v->compared);
            break;
        }
        status = walk_on(v, w, state_run(v, s, &left), &ended);
    }
    v->result->steps = budget - left;
    return status;
}

enum status explore(struct verifier *v, uint64_t budget) {
    struct walk *w = take_memory(v, sizeof(*w));
    struct frame *frames = take_memory(v, v->frame_count * (uint32_t)sizeof(*frames));
    struct frame *others = is_privileged(v) ? take_memory(v, v->frame_count * (uint32_t)sizeof(*others)) : frames;
    uint32_t loop_bytes = v->loop_count == 0 ? 0 : v->point_count * (uint32_t)sizeof(*w->loops);
    struct loop_mark *loops = take_memory(v, loop_bytes);
    if (w == nullptr || frames == nullptr || others == nullptr || loops == nullptr) {
        return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small");
    }
    memset(loops, 0, loop_bytes);
    w->loops = loops;
    w->state.frames = frames;
    w->heads.other.frames = others;
    w->heads.first = nullptr;
    w->first = nullptr;
    w->lineages = 0;
    state_begin(v, &w->state);
    return walk_all(v, w, budget);
}
