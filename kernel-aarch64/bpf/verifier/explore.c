/* The walk over all ways through the program.
 *
 * One state is walked at a time; the others rest as snapshots, ordered by place. The one furthest behind goes first, so
 * ways that split come to the point where they meet before either goes on, and merge there: a state that another covers
 * is dropped, states that differ only where it can't matter are joined. Each keeps the longest way that led to it, so
 * the longest way to any exit bounds every run. Loops are walked turn by turn until no state is left in them. */

#include "bpf/verifier/explore.h"

#include "bpf/verifier/flows.h"
#include "lib/mem.h"

/* Comparisons of states that the budget allows for each instruction: where many rest, they are what takes time. */
enum { COMPARISONS_A_STEP = 32 };

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
        return refuse(v, STATUS_UNBOUNDED_LOOP, s->pc, "after turn %u nothing has changed that could end the loop", mark->turns);
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
    if (state_assume(v, s, rest_taken)) { status = walk_rest(v, w, &place, &crowded); }
    state_undo(v);
    v->undo_active = false;
    s->pc = pc;
    frame->point = point;
    if (loops) { __builtin_memcpy_inline(frame->turns, turns, sizeof(turns)); }
    *possible = state_assume(v, s, !rest_taken);
    if (!crowded || status != STATUS_OK) { return status; }
    struct place near;
    bool again;
    if (*possible) { status = walk_rest(v, w, &near, &again); }
    if (status == STATUS_OK) { status = walk_join(v, w, &place); }
    *possible = false; /* it rests: whatever is furthest behind goes on */
    return status;
}

static void note_end(struct verifier *v, const struct state *s) {
    if (s->walked > v->result->bound) { v->result->bound = s->walked; }
}

/* Goes on after an instruction that did not simply lead to the next; *ended when no state is left. */
static enum status walk_on(struct verifier *v, struct walk *w, enum flow flow, bool *ended) {
    struct state *s = &w->state;
    enum status status = STATUS_OK;
    if (flow == FLOW_REFUSED) { return v->result->status; }
    bool covered = false;
    if (OTHER_PLATFORMS) { status = part_flow(v, w, flow, &covered); }
    if (status != STATUS_OK) { return status; }
    if (flow == FLOW_EXIT || covered) {
        note_end(v, s);
        *ended = !walk_resume(v, w);
        return STATUS_OK;
    }
    if (flow == FLOW_BRANCH) {
        bool possible;
        status = branch(v, w, &possible);
        if (status != STATUS_OK) { return status; }
        if (!possible) {
            *ended = !walk_resume(v, w);
            return STATUS_OK;
        }
    }
    if (v->points[s->pc] == 0) { return STATUS_OK; }
    if (enter_point(v, s)) { status = check_progress(v, w); }
    return status == STATUS_OK ? walk_arrive(v, w) : status;
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
