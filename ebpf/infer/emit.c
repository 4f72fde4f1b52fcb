/* Goes the checker's way with the states that were found, and writes down what it will have to know. First without writing,
 * until it is known how long a turn of each loop is. */

#include "bpf/checker/checker.h"
#include "difference.h"
#include "lib/mem.h"

enum { ROUNDS = 24, CHANGE_BYTES = 16 * 1024, LONGEST = 64 * 1024 /* a patch has room for that, whatever the program */ };
#define NO_SITE UINT32_MAX

static struct emission {
    struct writer writer;
    uint8_t *change_bytes;
    uint64_t steps, last; /* of the last event */
    uint32_t from;        /* site where the way began */
    uint64_t entered; /* steps at which a loop that is said to begin is the one at `entry`, to which the last change leads */
    uint32_t entry;
    uint32_t met; /* site that the last way fell into, where a state waits that covers it; or NO_SITE */
    bool grown; /* a turn is longer than was thought */
    enum links linked;
    uint64_t bound;
} emission;

static void event(enum event kind) {
    write_number(&emission.writer, (emission.steps - emission.last) << 3 | kind);
    emission.last = emission.steps;
}

static enum status fail(struct inference *f, const char *why) {
    return refuse(f->v, STATUS_BAD_CERTIFICATE, f->machine.state.pc, "%s", why);
}

enum { NEW, WAITING, DONE };

static enum status turn_ends(struct inference *f, struct site *at, uint32_t site) {
    uint64_t trip = f->machine.state.walked - at->walked;
    if (!is_head(f, site)) { return fail(f, "a jump leads back to where no loop begins"); }
    if (!entry_covers(at->begun, &f->machine, beside_places(f, emission.from, site))) { return fail(f, "a turn ends in a state that the loop does not begin with"); }
    const struct rank *rank = rank_of(&f->machine, point_of(f, site)->pc, RANKED);
    const struct distance *moved = rank == nullptr ? nullptr : rank_distance(rank, at->place);
    if (moved == nullptr || (at->step > 0 ? moved->least < at->step : moved->most > at->step)) { return fail(f, "what ranks a loop is lost"); }
    if (trip > at->trip) {
        at->trip = trip;
        emission.grown = true;
    }
    return STATUS_OK;
}

/* Whether at the same slot, in another turn. */
static bool others_wait(const struct inference *f, uint32_t site) {
    uint32_t i = f->sites[site].point;
    while (f->sites[i].same != 0 && (i == site || f->sites[i].joins != WAITING)) { i = f->sites[i].same; }
    return i != site && f->sites[i].joins == WAITING;
}

/* `begun` is the state that waits, as the checker has it; `joins` whether it does. */
static enum status leave_to(struct inference *f, uint32_t site, enum event kind) {
    struct site *at = &f->sites[site];
    struct machine *m = &f->machine, *o = &f->other;
    if (at->joins == DONE) { return turn_ends(f, at, site); }
    if (at->joins == WAITING) {
        if (!entry_covers(at->begun, m, no_places)) { return fail(f, "a state is not covered"); }
        if (m->state.walked > at->begun->walked) { at->begun->walked = m->state.walked; }
        if (kind == EVENT_FALL) { emission.met = site; }
        return STATUS_OK;
    }
    struct writer change = {emission.change_bytes, 0, CHANGE_BYTES};
    const uint32_t pc = point_of(f, site)->pc;
    const bool again = kind == EVENT_JUMP && (f->v->facts->flags[pc] & FACT_REACHED) != 0;
    if (at->entry == nullptr) { return fail(f, "a state where none was found"); }
    if (others_wait(f, site)) { return fail(f, "two states wait at one place"); }
    entry_load(at->entry, o);
    beside_gather(f, site, o);
    const bool changes = write_change(&change, m, o, again ? CHANGE_NEW : 0);
    if (changes) {
        event(kind);
        for (uint32_t i = 0; i < change.size && i < change.capacity; i++) { write_byte(&emission.writer, change.out[i]); }
    } else if (kind == EVENT_FALL) {
        event(kind);
        write_number(&emission.writer, 0);
    }
    emission.entered = emission.steps + (kind == EVENT_JUMP);
    emission.entry = site;
    struct reader in = {change.out, change.out + change.size, false};
    if (changes && !change_read(&in, m, &f->change)) { return fail(f, "a change that says too much"); }
    at->begun = (struct entry *)f->v->free;
    bool fits = entry_pack(m, changes ? &f->change : nullptr, 0, at->begun, (uint64_t)(f->v->limit - f->v->free));
    if (!fits || take_memory(f->v, at->begun->bytes) == nullptr) { return refuse(f->v, STATUS_TOO_MANY_STATES, m->state.pc, "no room for states"); }
    at->begun->walked = m->state.walked;
    at->joins = WAITING;
    return STATUS_OK;
}

static enum status take_jump(struct inference *f, uint32_t pc) {
    uint32_t site;
    bool found = site_at(f, pc, &site) && site_from(f, emission.from, pc, &site);
    return found ? leave_to(f, site, EVENT_JUMP) : fail(f, "a jump to no site");
}

static enum status part(struct inference *f, bool track, bool *ended) {
    struct machine *m = &f->machine;
    struct machine_masks saved;
    machine_save(m, &saved);
    enum status status = machine_assume(m, track, true) ? take_jump(f, m->state.pc) : STATUS_OK;
    machine_restore(m, &saved);
    if (status == STATUS_OK) { *ended = !machine_assume(m, track, false); }
    return status;
}

static enum status step(struct inference *f, bool *ended) {
    struct machine *m = &f->machine;
    enum track track = f->notes[m->state.pc].track ? track_of(f, m->state.pc) : TRACK_NOTHING;
    bool copies = insn_shapes[f->v->program->insns[m->state.pc].opcode] == SHAPE_MOV_X;
    if (track == TRACK_LINKS && !copies && f->notes[m->state.pc].slots == 0) { track = TRACK_VALUE; } /* nothing is kept there */
    if (track == TRACK_LINKS && emission.linked != LINKS_ALL) { emission.linked = copies ? LINKS_REGISTERS : LINKS_ALL; }
    if (track != TRACK_NOTHING) { event(track == TRACK_LINKS ? EVENT_LINK : EVENT_TRACK); }
    enum flow flow = machine_step(m, track);
    enum status status = STATUS_OK;
    *ended = flow == FLOW_EXIT || flow == FLOW_JUMPED || flow == FLOW_ALWAYS;
    if (flow == FLOW_REFUSED) { return f->v->result->status; }
    if (flow == FLOW_EXIT && m->state.walked > emission.bound) { emission.bound = m->state.walked; }
    if (flow == FLOW_BRANCH) { status = part(f, track, ended); }
    if (flow == FLOW_JUMPED || flow == FLOW_ALWAYS) { status = take_jump(f, m->state.pc); }
    emission.steps++;
    return status;
}

static enum status run(struct inference *f) {
    struct machine *m = &f->machine;
    for (bool ended = false;;) {
        if (f->steps++ >= f->budget) { return refuse(f->v, STATUS_BUDGET_EXCEEDED, m->state.pc, "%u instructions stepped", f->steps); }
        enum status status = step(f, &ended);
        if (status != STATUS_OK || ended) { return status; }
        uint32_t site;
        if (!site_at(f, m->state.pc, &site)) { continue; }
        if (!site_from(f, emission.from, m->state.pc, &site)) { return fail(f, "a way to no site"); }
        if (f->sites[site].joins == NEW && !is_head(f, site) && !f->by_order) { continue; } /* jumps here never happen */
        return leave_to(f, site, EVENT_FALL);
    }
}

static void write_besides(const struct site *at) {
    for (uint32_t i = 0; i < at->beside_count; i++) {
        const struct beside *b = &at->besides[i];
        write_byte(&emission.writer, b->place | (i + 1 < at->beside_count ? PLACE_MORE : 0));
        write_signed(&emission.writer, b->each.least);
        write_signed(&emission.writer, b->each.most);
    }
}

static enum status begin_loop(struct inference *f, struct site *at) {
    struct machine *m = &f->machine;
    uint64_t turns, added;
    bool counted = count_turns(m, at->place, at->step, &turns);
    if (!counted || __builtin_mul_overflow(turns, at->trip, &added) || added > (uint64_t)1 << 61 || m->state.walked > (uint64_t)1 << 61) {
        return fail(f, "a loop turns too often");
    }
    event(EVENT_LOOP);
    write_byte(&emission.writer, at->place | (at->beside_count != 0 ? PLACE_MORE : 0));
    write_signed(&emission.writer, at->step);
    write_number(&emission.writer, at->trip);
    write_besides(at);
    m->state.walked += added;
    at->walked = m->state.walked;
    for (uint32_t i = 0; i < at->beside_count; i++) {
        if (!spread_beside(m, &at->besides[i], turns)) { return fail(f, "what moves beside is not known to stay in its object"); }
    }
    if (at->beside_count != 0) { at->begun = entry_keep(f, m); }
    if (at->begun == nullptr) { return refuse(f->v, STATUS_TOO_MANY_STATES, m->state.pc, "no room for states"); }
    return begin_ranks(at, m) ? STATUS_OK : fail(f, "too many loops");
}

static uint32_t key_of(const struct inference *f, uint32_t site) {
    return f->by_order ? f->sites[site].rank : point_of(f, site)->pc;
}

/* The waiting site to go on at, and the one that the checker would choose by itself. */
static bool choose(const struct inference *f, uint32_t after, uint32_t *site, uint32_t *usual) {
    bool found = false, above = false;
    uint32_t best_above = 0, lowest = 0;
    for (uint32_t i = 0; i < f->site_count; i++) {
        if (f->sites[i].joins != WAITING) { continue; }
        uint32_t pc = point_of(f, i)->pc;
        if (!found || key_of(f, i) < key_of(f, *site)) { *site = i; }
        if (!found || pc < lowest) { lowest = pc; }
        if (pc >= after && (!above || pc < best_above)) {
            best_above = pc;
            above = true;
        }
        found = true;
    }
    *usual = above ? best_above : lowest;
    return found;
}

static enum status go_through(struct inference *f) {
    struct machine *m = &f->machine;
    uint32_t site = 0, pc = 0, usual = 0;
    for (uint32_t i = 0; i < f->site_count; i++) { f->sites[i].joins = NEW; }
    emission.writer.size = 0;
    emission.steps = emission.last = 0;
    emission.entered = UINT64_MAX;
    emission.met = NO_SITE;
    emission.grown = false;
    emission.linked = LINKS_NONE;
    emission.bound = 0;
    write_byte(&emission.writer, CERTIFICATE_VERSION);
    machine_begin(f->v, m, m->frame);
    memset(f->v->facts->flags, 0, f->v->program->count);
    f->v->facts->vector_count = f->v->facts->index_count = 0;
    m->state.walked = 0;
    if (is_head(f, 0)) {
        enum status status = leave_to(f, 0, EVENT_FALL);
        if (status != STATUS_OK) { return status; }
    } else {
        f->sites[0].begun = f->sites[0].entry = entry_keep(f, m);
        f->sites[0].joins = WAITING;
        if (f->sites[0].entry == nullptr) { return refuse(f->v, STATUS_TOO_MANY_STATES, 0, "no room for states"); }
    }
    for (bool first = true; choose(f, pc, &site, &usual); first = false) {
        struct site *at = &f->sites[site];
        pc = point_of(f, site)->pc;
        bool elsewhere = is_head(f, site) && emission.entered == emission.steps && emission.entry != site;
        bool otherwise = emission.met != NO_SITE && emission.met != site; /* else the checker may go on where they met */
        if ((pc != usual || elsewhere || otherwise) && !first) {
            event(EVENT_ORDER);
            write_number(&emission.writer, pc);
        }
        at->joins = DONE;
        emission.from = site;
        emission.met = NO_SITE;
        entry_load(at->begun, m);
        m->state.pc = pc;
        enum status status = is_head(f, site) ? begin_loop(f, at) : STATUS_OK;
        if (status == STATUS_OK) { status = run(f); }
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}

enum status emit_certificate(struct inference *f, struct emitted *emitted) {
    emission.change_bytes = take_memory(f->v, CHANGE_BYTES);
    uint32_t capacity = 64 * f->v->program->count + 1024 < LONGEST ? 64 * f->v->program->count + 1024 : LONGEST;
    uint8_t *out = take_memory(f->v, capacity);
    if (emission.change_bytes == nullptr || out == nullptr) { return refuse(f->v, STATUS_TOO_MANY_STATES, 0, "no room"); }
    emission.writer = (struct writer){out, 0, capacity};
    for (uint32_t i = 0; i < f->site_count; i++) { f->sites[i].trip = 0; }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        enum status status = go_through(f);
        if (status != STATUS_OK) { return status; }
        if (emission.grown) { continue; }
        if (emission.steps > (uint64_t)CHECKER_STEPS_PER_INSN * f->v->program->count) {
            return refuse(f->v, STATUS_BUDGET_EXCEEDED, 0, "%u instructions to check", emission.steps);
        }
        if (emission.writer.size > capacity) { return refuse(f->v, STATUS_TOO_MANY_STATES, 0, "a certificate of %u bytes", (uint64_t)emission.writer.size); }
        *emitted = (struct emitted){{out, emission.writer.size}, emission.bound, emission.linked};
        return STATUS_OK;
    }
    return refuse(f->v, STATUS_BUDGET_EXCEEDED, 0, "turns of loops grow without end");
}
