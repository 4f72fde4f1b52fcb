/* States that rest while another is walked. */

#include "bpf/verifier/walk.h"
#include "lib/mem.h"

/* States that may rest at one place before they are joined, whatever that costs in precision. */
enum { CROWD_COARSE = 8, CROWD_PRECISE = 64, CROWD_PRIVILEGED = 4096 };

/* States that rest, from which number on they get signatures. */
enum { SIGNED_STATES = 32 };

static enum status refuse_full(struct verifier *v, uint32_t pc) {
    return refuse(v, STATUS_TOO_MANY_STATES, pc, "%u states rest here and elsewhere", (uint64_t)v->states);
}

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

enum status walk_rest(struct verifier *v, struct walk *w, struct place *place, bool *crowded) {
    if (v->points[w->state.pc] != 0) { (void)enter_point(v, &w->state); }
    state_place(v, &w->state, place);
    return rest(v, w, place, crowded);
}

enum status walk_join(struct verifier *v, struct walk *w, const struct place *place) {
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

enum status walk_arrive(struct verifier *v, struct walk *w) {
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
    if (status == STATUS_OK && crowded) { status = walk_join(v, w, &place); }
    if (status == STATUS_OK) { take_up(v, w, false); }
    return status;
}

bool walk_resume(struct verifier *v, struct walk *w) {
    if (w->first == nullptr) { return false; }
    take_up(v, w, false);
    return true;
}
