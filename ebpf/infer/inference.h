#pragma once
/* What the parts of the inference share. */

#include "bpf/checker/entry.h"
#include "bpf/checker/format.h"
#include "bpf/verifier/order.h"
#include "bpf/verifier/structure.h"
#include "infer.h"

enum { NO_PLACE = 255 };

/* Of each slot: what the last pass with full knowledge saw there. */
struct note {
    uint64_t linked_slots; /* kept registers that are the same number as one that is compared */
    uint16_t pointers;
    uint16_t linked; /* registers of that kind */
    uint64_t slots;  /* stack slots that a load or store is about, where that is known */
    bool elsewhere;  /* it is about others, too */
    bool decided;    /* a condition that is always or never true */
    bool keeps;      /* an operation that makes more of what is known of dst than of any number */
    bool track;      /* needs.c: what it makes or compares matters */
};

/* Of each jump target, with the numbers of v->points_at; then, where loops are gone through turn by turn, of each turn (turns.c). */
struct site {
    uint16_t point;
    uint32_t turn; /* number in f->turns, or 0 */
    uint32_t rank; /* place in f->sorted */
    uint32_t same; /* the next site of that point, or 0 */
    struct entry *entry; /* the state there, or null: no way found yet */
    struct entry *begun; /* in a descending step: what the states that lead here make of it */
    uint32_t joins;
    bool dirty;
    bool ranked; /* entry says what follows ranks */
    /* of the first site of a point */
    uint16_t regs; /* numbers that matter there */
    uint16_t dead; /* pointers that are better forgotten there (dead.c) */
    uint64_t slots;
    /* heads of loops */
    uint8_t place; /* what the loop is ranked by, or NO_PLACE */
    uint8_t beside_count;
    struct beside besides[BESIDES];
    struct entry *outer; /* what comes from outside the loop, before besides are spread */
    int64_t step;
    uint64_t trip;
    uint64_t walked; /* emit.c: at the head */
};

/* A turn of a loop, in a turn of the one around it. */
struct turn {
    uint32_t outer; /* number in f->turns, or 0 */
    uint32_t number;
    uint16_t head;
    uint16_t depth;
};

enum links : uint8_t { LINKS_NONE, LINKS_REGISTERS, LINKS_ALL /* and what is kept on the stack */ };

struct inference {
    struct verifier *v;
    struct machine machine; /* the state that is stepped */
    struct machine other;   /* the one that it is joined with */
    struct change change;
    struct note *notes;
    struct site *sites;
    uint32_t *sorted; /* all of them, by turn and order */
    uint32_t site_count;
    uint32_t clean; /* no site of a lower rank is dirty */
    const uint8_t *unrolled; /* of each point: whether it heads a loop that is gone through turn by turn; or null */
    bool apart; /* ways that left such a loop in different turns are kept apart */
    struct turn *turns;
    uint32_t turn_count;
    uint64_t *thresholds;
    uint32_t threshold_count;
    uint64_t steps, budget;
    uint64_t climb_budget; /* steps at which the way up is given up */
    struct entry *start; /* the state that the program begins in */
    bool by_order; /* sites are gone through by order, not by slot */
    enum links links; /* copies that stay the same number as what was copied */
    bool noting;
    bool lenient, excused; /* loads and stores outside of their object are passed over; some was */
};

static inline struct point *point_of(const struct inference *f, uint32_t site) { return &f->v->points_at[f->sites[site].point]; }
static inline bool is_unrolled(const struct inference *f, uint32_t head) { return f->unrolled != nullptr && f->unrolled[head] != 0; }
/* Of a loop that is ranked. */
static inline bool is_head(const struct inference *f, uint32_t site) {
    uint32_t point = f->sites[site].point;
    return f->v->points_at[point].head == point && !is_unrolled(f, point);
}
static inline bool inside(const struct inference *f, uint32_t head, uint32_t site) {
    const struct point *loop = point_of(f, head), *p = point_of(f, site);
    return p->order >= loop->order && p->order <= loop->last;
}
/* The first site at this slot, or none. */
static inline bool site_at(const struct inference *f, uint32_t pc, uint32_t *site) {
    bool target = f->v->points[pc] != 0 && ((f->v->marks[pc] & MARK_TARGET) != 0 || pc == 0);
    if (target) { *site = f->v->points[pc] - 1u; }
    return target;
}

/* What is kept where something matters. */
static inline enum track track_of(const struct inference *f, uint32_t pc) {
    uint8_t shape = insn_shapes[f->v->program->insns[pc].opcode];
    bool keeps = shape == SHAPE_LDX || shape == SHAPE_LDSX || shape == SHAPE_STX;
    return f->links >= (shape == SHAPE_MOV_X ? LINKS_REGISTERS : LINKS_ALL) && (keeps || shape == SHAPE_MOV_X) ? TRACK_LINKS : TRACK_VALUE;
}

/* ---- turns.c ---- */

/* One site of each point; turns of loops are still to come. */
[[nodiscard]] bool open_sites(struct inference *f);
/* The site that is come to from `from`, where the slot has one; false when there is no room. */
[[nodiscard]] bool site_from(struct inference *f, uint32_t from, uint32_t pc, uint32_t *site);
/* The loop that is gone through turn by turn, and in no other one, and whose turns have the most sites; or NO_POINT. */
uint32_t longest_loop(const struct inference *f);

/* ---- walk.c ---- */

/* Called for each way out of a stretch of code: the machine's state goes to `site`, from `from`. */
typedef enum status (*edge_taker)(struct inference *f, uint32_t from, uint32_t site);
/* Steps from the machine's state, which is at `from`, until every way has come to a site. `all`: tracks everything, else what
 * the notes say. */
[[nodiscard]] enum status walk_from(struct inference *f, uint32_t from, bool all, edge_taker take);
/* Packs the machine's state into fresh memory; null when there is none left. */
struct entry *entry_keep(struct inference *f, struct machine *m);

/* ---- joining.c ---- */

/* Widens `to` until it covers `from`: what is known in both of them. */
void machine_join(struct machine *to, struct machine *from);
/* Anything that may be said of this number, or of how far this pointer is from its base. */
void reg_set_widest(struct reg *r);
/* After a join at the head of a loop: moves what has grown since `before` to the next threshold. */
void machine_widen(struct inference *f, struct machine *to, const struct machine *before);
/* Of the ranks of `to`, what `from` says of them too. */
void ranks_join(struct machine *to, struct machine *from);
/* Drops the ranks of loops that the site is not in. */
void ranks_leave(struct inference *f, struct machine *m, uint32_t site);

/* ---- beside.c ---- */

/* The machine's state comes from `from` to this head, where it will be joined. */
[[nodiscard]] enum status beside_arrive(struct inference *f, uint32_t from, uint32_t site);
/* Places whose values are not compared with those of a head when a turn ends: what moves beside, and pointers of which nothing
 * is known there anyway. */
struct places beside_places(struct inference *f, uint32_t from, uint32_t site);
/* After a join at this head: what moves beside is what comes from outside, spread. */
void beside_spread(struct inference *f, uint32_t site, struct machine *m);
/* The state at this head as it comes from outside. */
void beside_gather(struct inference *f, uint32_t site, struct machine *m);
/* Begins to follow what this loop is ranked by, and what is beside. */
[[nodiscard]] bool begin_ranks(const struct site *head, struct machine *m);

/* ---- ranks.c ---- */

/* Of loops of which nothing is known yet, what ranks them, and what moves beside, as far as it is found. */
[[nodiscard]] enum status search_ranks(struct inference *f);

/* ---- the steps of an inference, in this order ---- */

[[nodiscard]] enum status find_invariants(struct inference *f);
[[nodiscard]] enum status find_ranks(struct inference *f);
void find_needs(struct inference *f);
[[nodiscard]] enum status find_dead(struct inference *f);
[[nodiscard]] enum status reduce_states(struct inference *f);
/* `bound`: of instructions, as the checker will find it; `linked`: what of copies is linked. */
struct emitted {
    struct certificate certificate;
    uint64_t bound;
    enum links linked;
};
[[nodiscard]] enum status emit_certificate(struct inference *f, struct emitted *emitted);
