/* Weak topological order: F. Bourdoncle, "Efficient chaotic iteration strategies with widenings", 1993, §4, without
 * recursion. Nodes are points; a node's instructions run up to the next point, with jumps out on the way. */

#include "bpf/verifier/order.h"

#include "bpf/verifier/structure.h"
#include "lib/mem.h"

#define DONE UINT32_MAX    /* number of a node that has its place */
#define NO_MORE UINT32_MAX

/* One activation of the search. */
struct visit {
    uint32_t scan;   /* slot whose ways out come next, or NO_MORE */
    uint32_t head;   /* least number seen */
    uint16_t node;   /* index in v->points_at */
    uint16_t counter_before, component_before;
    bool loop;
    bool inside; /* second phase: orders what is inside the loop that this node heads */
};

struct search {
    struct verifier *v;
    uint32_t *numbers; /* of each node: 0 not seen, DONE ordered */
    uint16_t *stack;   /* nodes seen and not ordered */
    struct visit *visits;
    uint32_t stacked, depth, seen;
    uint16_t counter, component, level;
};

static uint32_t target_of(const struct verifier *v, uint32_t pc) {
    struct bpf_insn insn = insn_at(v, pc);
    return pc + 1 + (uint32_t)(insn_shapes[insn.opcode] == SHAPE_JA32 ? insn.imm : insn.off);
}

/* The next node that `visit` leads to; false when there is none left. */
static bool next_way(const struct verifier *v, struct visit *visit, uint32_t *node) {
    uint32_t start = v->points_at[visit->node].pc;
    while (visit->scan != NO_MORE) {
        uint32_t pc = visit->scan;
        if (pc != start && v->points[pc] != 0) {
            *node = v->points[pc] - 1u;
            visit->scan = NO_MORE;
            return true;
        }
        uint8_t shape = insn_shapes[v->program->insns[pc].opcode];
        bool ends = shape == SHAPE_JA || shape == SHAPE_JA32 || shape == SHAPE_EXIT;
        visit->scan = ends ? NO_MORE : pc + 1 + (shape == SHAPE_LD_IMM64);
        if (shape_jumps(shape)) {
            *node = v->points[target_of(v, pc)] - 1u;
            return true;
        }
    }
    return false;
}

static void begin_visit(struct search *q, uint32_t node) {
    q->numbers[node] = ++q->seen;
    q->stack[q->stacked++] = (uint16_t)node;
    q->visits[q->depth++] = (struct visit){.scan = q->v->points_at[node].pc, .node = (uint16_t)node, .head = q->seen};
}

static void place_node(struct search *q, struct visit *visit) {
    struct point *point = &q->v->points_at[visit->node];
    point->order = --q->counter;
    if (!visit->inside) {
        point->head = q->component;
        point->level = q->level;
        return;
    }
    point->head = visit->node;
    point->level = q->level--;
    point->last = visit->counter_before - 1;
    point->outer = visit->component_before;
    q->component = visit->component_before;
}

/* All ways out of the node are followed: orders it, or starts to order the loop that it heads. True when the visit ended. */
static bool end_phase(struct search *q, struct visit *visit) {
    if (visit->inside) {
        place_node(q, visit);
        return true;
    }
    if (visit->head != q->numbers[visit->node]) { return true; } /* part of a loop whose head is further up */
    uint16_t node;
    do {
        node = q->stack[--q->stacked];
        q->numbers[node] = 0;
    } while (node != visit->node);
    q->numbers[node] = DONE;
    if (!visit->loop) {
        place_node(q, visit);
        return true;
    }
    visit->inside = true;
    visit->scan = q->v->points_at[node].pc;
    visit->counter_before = q->counter;
    visit->component_before = q->component;
    q->component = node;
    q->level++;
    return false;
}

static void search_from(struct search *q, uint32_t root) {
    begin_visit(q, root);
    while (q->depth != 0) {
        struct visit *visit = &q->visits[q->depth - 1];
        uint32_t node;
        if (next_way(q->v, visit, &node)) {
            uint32_t number = q->numbers[node];
            if (number == 0) {
                begin_visit(q, node);
            } else if (!visit->inside && number <= visit->head) {
                visit->head = number;
                visit->loop = true;
            }
            continue;
        }
        if (!end_phase(q, visit)) { continue; }
        uint32_t head = visit->head;
        if (--q->depth != 0) {
            struct visit *caller = &q->visits[q->depth - 1];
            if (!caller->inside && head <= caller->head) {
                caller->head = head;
                caller->loop = true;
            }
        }
    }
}

/* ---- what follows from it ---- */

static bool in_loop(const struct point *head, const struct point *p) { return p->order >= head->order && p->order <= head->last; }

static const struct point *point_at(const struct verifier *v, uint32_t pc) { return &v->points_at[v->points[pc] - 1]; }

/* Marks conditional jumps with one way out of the innermost loop, and drops points where nothing meets and no loop ends. */
static void mark_exits(struct verifier *v) {
    const struct point *node = &v->points_at[0];
    bool after_condition = false;
    for (uint32_t pc = 0; pc < v->program->count; pc++) {
        if (v->points[pc] != 0) {
            const struct point *next = point_at(v, pc);
            if (after_condition && node->head == next->head && (v->marks[pc] & (MARK_TARGET | MARK_FUNCTION)) == 0) {
                v->points[pc] = 0;
            } else {
                node = next;
            }
        }
        uint8_t shape = insn_shapes[v->program->insns[pc].opcode];
        after_condition = shape == SHAPE_COND_K || shape == SHAPE_COND_X || shape == SHAPE_MAY_GOTO;
        if (after_condition && node->head != NO_POINT) {
            const struct point *head = &v->points_at[node->head], *next = v->points[pc + 1] != 0 ? point_at(v, pc + 1) : node;
            if (!in_loop(head, point_at(v, target_of(v, pc))) || !in_loop(head, next)) { v->marks[pc] |= MARK_LEAVES_LOOP; }
        }
        pc += shape == SHAPE_LD_IMM64;
    }
}

static void order_by_slot(struct verifier *v) {
    for (uint32_t i = 0; i < v->point_count; i++) {
        struct point *point = &v->points_at[i];
        point->order = point->last = point->pc;
        point->head = point->outer = NO_POINT;
        point->level = 0;
    }
}

enum status compute_order(struct verifier *v) {
    uint32_t count = v->point_count;
    v->points_at = take_memory(v, count * (uint32_t)sizeof(*v->points_at));
    uint8_t *after = v->free;
    if (v->points_at == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    for (uint32_t pc = 0; pc < v->program->count; pc++) {
        if (v->points[pc] != 0) { v->points_at[v->points[pc] - 1].pc = (uint16_t)pc; }
    }
    order_by_slot(v);
    if (v->loop_count == 0) { return STATUS_OK; }
    struct search q = {.v = v, .counter = (uint16_t)count, .component = NO_POINT};
    q.numbers = take_memory(v, count * (uint32_t)sizeof(*q.numbers));
    q.stack = take_memory(v, count * (uint32_t)sizeof(*q.stack));
    q.visits = take_memory(v, count * (uint32_t)sizeof(*q.visits));
    if (q.numbers == nullptr || q.stack == nullptr || q.visits == nullptr) {
        return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small");
    }
    memset(q.numbers, 0, count * sizeof(*q.numbers));
    for (uint32_t f = 0; f < v->function_count; f++) { search_from(&q, v->points[v->functions[f].start] - 1u); }
    v->free = after;
    mark_exits(v);
    return STATUS_OK;
}

/* ---- places ---- */

static uint32_t levels_at(const struct verifier *v, uint32_t point) {
    uint32_t level = v->points_at[point].level;
    return level < NESTING ? level : NESTING;
}

/* Heads of the loops around a point, outermost first; those deeper than NESTING are left out. */
static void heads_of(const struct verifier *v, uint32_t point, uint16_t heads[NESTING]) {
    uint32_t head = v->points_at[point].head;
    for (uint32_t level = v->points_at[point].level; level-- > 0; head = v->points_at[head].outer) {
        if (level < NESTING) { heads[level] = (uint16_t)head; }
    }
}

static void add_part(struct place *place, uint32_t part) {
    if (place->length < PLACE_PARTS) { place->parts[place->length++] = part; }
}

void state_place(const struct verifier *v, const struct state *s, struct place *place) {
    if (s->depth == 0 && v->loop_count == 0) {
        place->length = 1;
        place->parts[0] = 2u * v->points_at[s->frames[0].point].order;
        return;
    }
    place->length = 0;
    for (uint32_t f = 0; f <= s->depth; f++) {
        const struct frame *frame = &s->frames[f];
        uint32_t levels = levels_at(v, frame->point);
        if (levels != 0) {
            uint16_t heads[NESTING];
            heads_of(v, frame->point, heads);
            for (uint32_t i = 0; i < levels; i++) {
                add_part(place, 2u * v->points_at[heads[i]].order);
                add_part(place, frame->turns[i]);
            }
        }
        add_part(place, 2u * v->points_at[frame->point].order + (f != s->depth)); /* a caller is past its point */
    }
}

bool place_tells_turns(const struct verifier *v, const struct state *s, uint32_t frames) {
    uint32_t parts = 0;
    for (uint32_t f = 0; f < frames; f++) {
        uint32_t level = v->points_at[s->frames[f].point].level, end = parts + 2 * level;
        if (level > NESTING || (level != 0 && end > PLACE_PARTS)) { return false; }
        parts = end + 1;
    }
    return true;
}

/* A longer place goes on inside the last part of a shorter one: it is behind it. */
int32_t place_compare(const struct place *a, const struct place *b) {
    for (uint32_t i = 0;; i++) {
        if (i == a->length || i == b->length) { return a->length == b->length ? 0 : i == a->length ? 1 : -1; }
        if (a->parts[i] != b->parts[i]) { return a->parts[i] < b->parts[i] ? -1 : 1; }
    }
}

bool enter_point(const struct verifier *v, struct state *s) {
    struct frame *frame = &s->frames[s->depth];
    uint32_t from = frame->point, to = v->points[s->pc] - 1u;
    frame->point = (uint16_t)to;
    uint32_t levels = levels_at(v, to);
    if (levels == 0) { return false; }
    const struct point *left = &v->points_at[from];
    uint16_t heads[NESTING];
    heads_of(v, to, heads);
    bool returned = false;
    for (uint32_t i = 0; i < levels; i++) {
        if (!in_loop(&v->points_at[heads[i]], left)) {
            frame->turns[i] = 0;
        } else if (heads[i] == to) {
            frame->turns[i]++;
            returned = true;
        }
    }
    return returned;
}
