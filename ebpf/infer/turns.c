/* Sites. Loops may be gone through turn by turn: each turn has sites of its own, and nothing is said of all turns at once. What a
 * loop does in all of them together, as filling a buffer, is known then; it takes as long as the loop turns. Loops inside
 * such a loop are gone through turn by turn as well. */

#include "inference.h"

#include "lib/mem.h"

enum { MORE_SITES = 4096, MORE_TURNS = 4096, DEEPEST = 12, PARTS = 2 * DEEPEST + 1 };

static bool holds(const struct inference *f, uint32_t head, uint32_t point) {
    const struct point *loop = &f->v->points_at[head], *p = &f->v->points_at[point];
    return p->order >= loop->order && p->order <= loop->last;
}

/* ---- order: loop by loop, turn by turn, then by point ---- */

static uint32_t parts_of(const struct inference *f, uint32_t site, uint32_t parts[PARTS]) {
    uint32_t turn = f->sites[site].turn, count = turn == 0 ? 1 : 2u * f->turns[turn].depth + 1, at = count;
    parts[--at] = point_of(f, site)->order;
    for (; turn != 0; turn = f->turns[turn].outer) {
        parts[--at] = f->turns[turn].number;
        parts[--at] = f->v->points_at[f->turns[turn].head].order;
    }
    return count;
}

static bool is_before(const struct inference *f, uint32_t a, uint32_t b) {
    uint32_t of_a[PARTS], of_b[PARTS], count_a = parts_of(f, a, of_a), count_b = parts_of(f, b, of_b);
    for (uint32_t i = 0; i < count_a && i < count_b; i++) {
        if (of_a[i] != of_b[i]) { return of_a[i] < of_b[i]; }
    }
    return count_a < count_b;
}

static void sort_in(struct inference *f, uint32_t site) {
    uint32_t first = 0, last = f->site_count++; /* between them is its place */
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (is_before(f, site, f->sorted[middle])) {
            last = middle;
        } else {
            first = middle + 1;
        }
    }
    for (uint32_t at = f->site_count - 1; at != first; at--) {
        f->sorted[at] = f->sorted[at - 1];
        f->sites[f->sorted[at]].rank = at;
    }
    f->sorted[first] = site;
    f->sites[site].rank = first;
}

/* ---- turns ---- */

static bool turn_in(struct inference *f, uint32_t outer, uint32_t head, uint32_t number, uint32_t *turn) {
    for (uint32_t i = f->turn_count; i-- > 1;) {
        const struct turn *t = &f->turns[i];
        if (t->outer != outer || t->head != head || t->number != number) { continue; }
        *turn = i;
        return true;
    }
    uint16_t depth = outer == 0 ? 1 : f->turns[outer].depth + 1;
    if (f->turn_count == MORE_TURNS || depth > DEEPEST) { return false; }
    *turn = f->turn_count++;
    f->turns[*turn] = (struct turn){outer, number, (uint16_t)head, depth};
    return true;
}

/* The turn that goes on at this point. Where ways that left a loop in different turns are kept apart, what follows the loop belongs to the
 * turn that it was left in, until a loop around it goes on: then it comes before the next turn, and one state at most waits there at a time. */
static uint32_t turn_around(const struct inference *f, uint32_t turn, uint32_t point) {
    uint32_t around = turn;
    while (around != 0 && !holds(f, f->turns[around].head, point)) { around = f->turns[around].outer; }
    bool goes_on = around != 0 && f->turns[around].head == point;
    return f->apart && !goes_on ? turn : around;
}

static bool is_in(const struct inference *f, uint32_t turn, uint32_t head) {
    while (turn != 0 && f->turns[turn].head != head) { turn = f->turns[turn].outer; }
    return turn != 0;
}

/* The first turns of all loops around this point that are around no other one of `turn`. */
static bool enter(struct inference *f, uint32_t point, uint32_t *turn) {
    uint32_t entered[DEEPEST], count = 0;
    for (uint32_t head = f->v->points_at[point].head; head != NO_POINT; head = f->v->points_at[head].outer) {
        if (is_in(f, *turn, head)) { break; }
        if (!is_unrolled(f, head)) { continue; }
        if (count == DEEPEST) { return false; }
        entered[count++] = head;
    }
    while (count-- != 0) {
        if (!turn_in(f, *turn, entered[count], 0, turn)) { return false; }
    }
    return true;
}

bool open_sites(struct inference *f) {
    uint32_t points = f->v->point_count, more = f->unrolled == nullptr ? 0 : MORE_SITES;
    f->sites = take_memory(f->v, (points + more) * (uint32_t)sizeof(*f->sites));
    f->sorted = take_memory(f->v, (points + more) * (uint32_t)sizeof(*f->sorted));
    f->turns = take_memory(f->v, more == 0 ? 0 : MORE_TURNS * (uint32_t)sizeof(*f->turns));
    if (f->sites == nullptr || f->sorted == nullptr || f->turns == nullptr) { return false; }
    memset(f->sites, 0, (points + more) * sizeof(*f->sites));
    f->turn_count = 1; /* 0 is none */
    f->site_count = 0;
    if (!enter(f, 0, &f->sites[0].turn)) { return false; }
    for (uint32_t i = 0; i < points; i++) {
        f->sites[i].point = (uint16_t)i;
        f->sites[i].place = NO_PLACE;
        sort_in(f, i);
    }
    return true;
}

bool site_from(struct inference *f, uint32_t from, uint32_t pc, uint32_t *site) {
    uint32_t point = f->v->points[pc] - 1u, turn = f->sites[from].turn;
    *site = point;
    if (f->unrolled == nullptr) { return true; }
    turn = turn_around(f, turn, point);
    bool again = turn != 0 && f->turns[turn].head == point;
    if (!(again ? turn_in(f, f->turns[turn].outer, point, f->turns[turn].number + 1, &turn) : enter(f, point, &turn))) { return false; }
    while (f->sites[*site].turn != turn) {
        if (f->sites[*site].same != 0) {
            *site = f->sites[*site].same;
            continue;
        }
        if (f->site_count == f->v->point_count + MORE_SITES) { return false; }
        f->sites[*site].same = f->site_count;
        *site = f->site_count;
        f->sites[*site] = (struct site){.point = (uint16_t)point, .turn = turn, .place = NO_PLACE};
        sort_in(f, *site);
    }
    return true;
}

uint32_t longest_loop(const struct inference *f) {
    uint32_t longest = NO_POINT, most = 0;
    for (uint32_t head = 0; head < f->v->point_count; head++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < f->site_count; i++) {
            uint32_t turn = f->sites[i].turn;
            while (turn != 0 && f->turns[turn].outer != 0) { turn = f->turns[turn].outer; }
            count += turn != 0 && f->turns[turn].head == head;
        }
        if (is_unrolled(f, head) && count > most) {
            most = count;
            longest = head;
        }
    }
    return longest;
}
