/* One state is kept of all that came to a head: the join of them, widened after a few. Where that was not precise enough, on the
 * second attempt, each is kept for itself, as long as they are not too many: loops that end by what they count are walked to
 * their end, and what one turn finds is not mixed with what another one does not find. */

#include "bpf/verifier/heads.h"

#include "bpf/verifier/iterator.h"

struct head {
    struct head *next;
    struct snapshot *kept;
    uint32_t pc;
    uint32_t iterator;
    uint32_t joins;
};

/* States that come to a head are joined as they are so often, and widened from then on. */
enum { PLAIN_JOINS = 2 };

/* States that are kept for themselves on the second attempt. */
enum { HEADS_APART = 1024 };

/* What is kept of those that came to the same head, for a jump that the kernel may take in the same call of its function. */
struct found {
    struct head *newest;
    uint32_t count;
    bool covers; /* one of them covers the state */
};

static struct found find_heads(struct verifier *v, const struct state *s, const struct heads *heads, uint32_t iterator) {
    struct found found = {0};
    for (struct head *head = heads->first; head != nullptr && !found.covers; head = head->next) {
        if (head->pc != s->pc || head->iterator != iterator) { continue; }
        v->compared++;
        if (iterator == 0 && !snapshot_same_call(v, s, head->kept)) { continue; } /* patience begins anew with each call */
        struct relation relation = snapshot_relation(v, s, head->kept);
        if (!relation.comparable) { continue; }
        if (found.newest == nullptr) { found.newest = head; }
        found.count++;
        found.covers = relation.covered;
    }
    return found;
}

static enum status keep_at(struct verifier *v, const struct state *s, struct head *head) {
    struct place place;
    state_place(v, s, &place);
    head->kept = snapshot_take(v, s, &place);
    return head->kept == nullptr ? refuse(v, STATUS_TOO_MANY_STATES, s->pc, "%u states rest", (uint64_t)v->states) : STATUS_OK;
}

static enum status add_head(struct verifier *v, const struct state *s, struct heads *heads, uint32_t iterator) {
    struct head *head = take_memory(v, sizeof(*head));
    if (head == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, s->pc, "%u states rest", (uint64_t)v->states); }
    *head = (struct head){.next = heads->first, .pc = s->pc, .iterator = iterator};
    enum status status = keep_at(v, s, head);
    if (status == STATUS_OK) { heads->first = head; }
    return status;
}

enum status converge(struct verifier *v, struct state *s, struct heads *heads, uint32_t iterator, bool *covered) {
    s->lineage = 0; /* that nothing has changed since the last time is no sign of a loop without end here */
    *covered = false;
    state_forget(v, s);
    struct found found = find_heads(v, s, heads, iterator);
    struct head *head = found.newest;
    *covered = found.covers;
    if (found.covers) { return STATUS_OK; }
    if (found.count < (v->precise ? HEADS_APART : 1)) { return add_head(v, s, heads, iterator); }
    snapshot_load(v, head->kept, &heads->other);
    bool widens = ++head->joins > PLAIN_JOINS;
    if (widens) { state_drop_unlike(s, &heads->other); }
    snapshot_join(v, s, head->kept);
    if (widens) { state_widen(s, &heads->other); }
    snapshot_free(v, head->kept);
    return keep_at(v, s, head);
}
