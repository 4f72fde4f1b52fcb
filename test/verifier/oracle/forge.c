/* The checker reads a certificate while it is written: before each instruction it shows its state to this, which then decides what
 * comes with the instruction and behind it, and puts that where the checker reads next. Whatever was not read when the next
 * instruction comes is taken back, and decided anew. So every event comes where it can be one. What the checker refuses all
 * the same is mended, a few times, and tried again. Long, as the parts share what was decided. */

#include "forge.h"

#include "bpf/verifier/instruction.h"
#include "plan.h"
#include "twist.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MOST = 8, MENDS = 6, LONGEST = PLAN_BYTES, ROOM = LONGEST + CHAIN_MOST * BODY_MOST };

/* An event that was written and maybe not read yet. */
struct written {
    uint64_t due;
    uint32_t number_at, body_at;
    uint16_t slot;
    uint8_t kind;
};

enum mend_kind : uint8_t { MEND_NEW, MEND_PLAIN, MEND_NONE, MEND_TRIP };
struct mend {
    uint64_t steps, trip;
    uint16_t slot;
    uint8_t event, kind;
};

struct forger {
    struct plan plan;
    struct bench bench;
    /* of this forgery */
    const struct bpf_program *program;
    uint64_t seed;
    uint32_t rate; /* of a thousand decisions, those that are not as planned */
    bool tracks, links;
    bool adds_new;   /* states wait beside each other */
    bool crowds;     /* they do at the heads of loops, and only the last of them begins one */
    bool counts_far; /* loops are said to take as long as can be counted */
    struct mend mends[MENDS];
    uint32_t mend_count;
    /* of this try */
    const struct checker *checker;
    struct random random;
    uint64_t steps, due; /* seen so far; of the last event that was read */
    uint32_t chain_count, size;
    bool lost;
    struct written chain[CHAIN_MOST];
    uint32_t visits[PROGRAM_MAX][KINDS];
    struct said said;
    uint8_t bytes[ROOM];
};

struct forger *forger_open(void) {
    struct forger *f = aligned_alloc(16, (sizeof(*f) + 15) & ~(size_t)15);
    if (f == nullptr) {
        fprintf(stderr, "no memory for forged certificates\n");
        exit(2);
    }
    memset(f, 0, sizeof(*f));
    return f;
}

void forger_close(struct forger *f) { free(f); }

bool forger_learn(struct forger *f, const struct bpf_program *program, struct span certificate) {
    return plan_learn(&f->plan, &f->bench, program, certificate);
}

static bool chance(struct forger *f, uint32_t percent) { return random_chance(&f->random, percent); }
/* Whether this decision is not as planned. */
static bool strays(struct forger *f) { return random_below(&f->random, 1000) < f->rate; }

/* ---- writing ---- */

static uint8_t *begin_event(struct forger *f, uint32_t kind, uint64_t due, uint32_t slot) {
    struct written *event = &f->chain[f->chain_count];
    uint64_t before = f->chain_count == 0 ? f->due : event[-1].due;
    event->number_at = f->size;
    event->due = due;
    event->kind = (uint8_t)kind;
    event->slot = (uint16_t)slot;
    uint8_t *body = number_write(f->bytes + f->size, (due - before) << 3 | kind);
    event->body_at = (uint32_t)(body - f->bytes);
    return body;
}

static void end_event(struct forger *f, const uint8_t *end) {
    f->size = (uint32_t)(end - f->bytes);
    f->chain_count++;
}

static bool has_room(const struct forger *f) { return f->chain_count < CHAIN_MOST && f->size < LONGEST; }

/* What the checker reads from now on. */
static void hand_over(struct forger *f, struct checker *c) {
    c->in.end = f->bytes + f->size;
    if (f->chain_count == 0) { return; }
    c->event = f->chain[0].kind;
    c->due = f->chain[0].due;
    c->in.at = f->bytes + f->chain[0].body_at;
}

/* Sees what was read; the rest is taken back. */
static void take_back(struct forger *f, struct checker *c) {
    uint32_t read = 0, at = (uint32_t)(c->in.at - f->bytes);
    if (c->event == EVENT_NONE && at == f->size) {
        read = f->chain_count;
    } else {
        while (read < f->chain_count && f->chain[read].body_at != at) { read++; }
        f->lost = read == f->chain_count || c->in.bad;
        if (f->lost) { return; }
    }
    for (uint32_t i = 0; i < read; i++) {
        const struct written *event = &f->chain[i];
        f->due = event->due;
        if (event->slot < PROGRAM_MAX) { f->visits[event->slot][event->kind]++; }
    }
    if (read < f->chain_count) {
        f->size = f->chain[read].number_at;
        c->event = EVENT_NONE;
        c->due = UINT64_MAX;
        c->in.at = c->in.end = f->bytes + f->size;
    }
    f->chain_count = 0;
}

/* ---- decisions ---- */

static const struct planned *planned(struct forger *f, uint32_t kind, uint32_t slot) {
    return slot >= PROGRAM_MAX ? nullptr : planned_at(&f->plan, slot, kind, f->visits[slot][kind]);
}

static struct reader body_of(const struct forger *f, const struct planned *event) {
    const uint8_t *body = f->plan.bytes + event->body;
    return (struct reader){body, body + event->bytes, false};
}

static const struct mend *mended(const struct forger *f, uint32_t event, uint64_t steps) {
    for (uint32_t i = f->mend_count; i-- != 0;) {
        const struct mend *mend = &f->mends[i];
        if (mend->kind != MEND_TRIP && mend->event == event && mend->steps == steps) { return mend; }
    }
    return nullptr;
}

static bool head_waits(const struct checker *c, uint32_t slot) {
    return slot < c->v->program->count && c->first[slot] != 0 && entry_at(c, c->first[slot])->head != 0;
}

/* A change of the state that leaves, or none. */
static bool add_change(struct forger *f, const struct checker *c, uint32_t kind, uint64_t due, uint32_t slot, uint32_t target) {
    const struct planned *event = planned(f, kind, slot);
    const struct mend *mend = mended(f, kind, due);
    const struct scene scene = {&f->random, &c->machine, f->program};
    struct said *said = &f->said;
    bool wanted = event != nullptr, twists = strays(f);
    bool crowds = f->crowds && planned(f, EVENT_LOOP, target) != nullptr && !head_waits(c, target) && chance(f, 80);
    if (f->adds_new && chance(f, 10)) { wanted = twists = true; }
    if (twists && chance(f, 25)) { wanted = !wanted; }
    if (mend != nullptr) { wanted = mend->kind != MEND_NONE; }
    if (crowds) { wanted = true; }
    if (!wanted || !has_room(f)) { return false; }
    said->parts = said->rank_count = 0;
    if (event != nullptr && !crowds) {
        struct reader in = body_of(f, event);
        if (!said_read(&in, event->ranks, said)) { said->parts = said->rank_count = 0; }
        if ((said->parts & CHANGE_RANKS) != 0 && said->rank_count != ranks_of(&c->machine)) { take_ranks(&c->machine, said); }
    }
    if (crowds || (f->adds_new && twists && chance(f, 60))) { said->parts |= CHANGE_NEW; }
    if (twists) {
        for (uint32_t times = 1 + random_below(&f->random, 2); times != 0; times--) { twist_said(scene, said); }
    }
    if (mend != nullptr) {
        if (mend->kind == MEND_PLAIN) { said->parts = said->rank_count = 0; }
        said->parts |= CHANGE_NEW;
    }
    end_event(f, said_write(begin_event(f, kind, due, slot), said));
    return true;
}

/* How often the loop may turn, by what is said of its place, or known. */
static uint64_t turns_of(const struct forger *f, const struct checker *c, const struct said_loop *loop) {
    uint64_t step = loop->step >> 1, turns = 0;
    bool given = f->chain_count != 0 && loop->place < REGS && (f->said.parts & CHANGE_REGS) != 0 && (f->said.regs >> loop->place & 1) != 0;
    if (given && (f->said.given[loop->place].parts & PART_UNSIGNED) != 0) { return f->said.given[loop->place].numbers[4] / (step + (step == 0)); }
    return count_turns(&c->machine, loop->place, (int64_t)(step + 1), &turns) ? turns : 0;
}

/* Whether the pass goes on at this slot with the last of the states that wait there. */
static bool is_last(const struct checker *c, uint32_t slot) {
    uint32_t place = slot == c->from && c->rest != 0 ? c->rest : slot < c->v->program->count ? c->first[slot] : 0;
    return place != 0 && entry_at(c, place)->next == 0;
}

/* The head of a loop, where a state enters. */
static bool add_loop(struct forger *f, const struct checker *c, uint64_t due, uint32_t slot) {
    const struct planned *event = planned(f, EVENT_LOOP, slot);
    const struct scene scene = {&f->random, &c->machine, f->program};
    struct said_loop loop;
    bool wanted = event != nullptr, twists = strays(f);
    if ((twists && chance(f, wanted ? 30 : 10)) || (wanted && f->adds_new && chance(f, 40))) { wanted = !wanted; }
    if (f->crowds && chance(f, 90)) { wanted = wanted && is_last(c, slot); }
    if (!wanted || !has_room(f) || head_waits(c, slot)) { return false; }
    make_loop(scene, &loop);
    if (event != nullptr) {
        struct reader in = body_of(f, event);
        if (!loop_read(&in, &loop)) { make_loop(scene, &loop); }
    }
    if (twists) { twist_loop(scene, &loop); }
    for (uint32_t i = 0; i < f->mend_count; i++) {
        if (f->mends[i].kind == MEND_TRIP && f->mends[i].slot == slot) { loop.trip = f->mends[i].trip; }
    }
    if (f->counts_far || (strays(f) && chance(f, 30))) { loop.trip = far_trip(scene, turns_of(f, c, &loop)); }
    end_event(f, loop_write(begin_event(f, EVENT_LOOP, due, slot), &loop));
    return true;
}

static void add_track(struct forger *f, uint64_t due, uint32_t slot) {
    bool tracks = f->tracks || planned(f, EVENT_TRACK, slot) != nullptr, links = f->links || planned(f, EVENT_LINK, slot) != nullptr;
    if (strays(f)) { tracks = chance(f, 60); }
    if (strays(f)) { links = chance(f, 30); }
    if ((!tracks && !links) || !has_room(f)) { return; }
    uint32_t kind = links ? EVENT_LINK : EVENT_TRACK;
    end_event(f, begin_event(f, kind, due, slot));
}

static bool will_wait(const struct checker *c, uint32_t slot, uint32_t target) { return slot == target || waits(c, slot); }

/* Where the pass goes on by itself once a way has ended, whose last jump leads to `target`. */
static uint32_t next_slot(const struct checker *c, uint32_t target) {
    uint32_t count = c->v->program->count;
    if (c->rest != 0 || will_wait(c, c->from, target)) { return c->from; }
    uint32_t next = next_waiting(c, c->from);
    if (target < count && (next == count || target - c->from - 1 < next - c->from - 1)) { next = target; }
    return next;
}

/* One that waits, whichever. */
static uint32_t some_slot(struct forger *f, const struct checker *c, uint32_t target) {
    uint32_t count = c->v->program->count, slot = random_below(&f->random, count);
    if (chance(f, 15) && target < count) { return target; }
    slot = next_waiting(c, slot);
    return slot < count ? slot : random_below(&f->random, count);
}

/* A way ends with the instruction at pc: where it goes on. */
static uint32_t add_order(struct forger *f, const struct checker *c, uint64_t due, uint32_t pc, uint32_t target) {
    const struct planned *event = planned(f, EVENT_ORDER, pc);
    uint32_t slot = next_slot(c, target);
    bool wanted = event != nullptr && c->rest == 0, twists = strays(f) || (f->adds_new && chance(f, 5));
    if (!(twists || wanted) || (twists && wanted && chance(f, 50)) || !has_room(f)) { return slot; }
    if (wanted && !twists) {
        struct reader in = body_of(f, event);
        slot = (uint32_t)read_number(&in);
        if (slot >= c->v->program->count || !will_wait(c, slot, target)) { return next_slot(c, target); }
    } else {
        slot = some_slot(f, c, target);
        if (c->rest != 0) { return c->from; }
    }
    end_event(f, number_write(begin_event(f, EVENT_ORDER, due, pc), slot));
    return slot;
}

/* What comes with the instruction at pc, and before the next one. */
static void decide(struct forger *f, const struct checker *c, uint32_t pc) {
    struct bpf_insn insn = f->program->insns[pc];
    uint8_t shape = insn_shapes[insn.opcode];
    uint64_t now = f->steps, after = now + 1;
    uint32_t fall = pc + 1 + (shape == SHAPE_LD_IMM64), none = f->program->count, target = none;
    bool always = shape == SHAPE_JA || shape == SHAPE_JA32, ends = always || shape == SHAPE_EXIT, changed = false, enters = false;
    if (always || shape == SHAPE_COND_K || shape == SHAPE_COND_X) {
        target = pc + 1 + (uint32_t)(shape == SHAPE_JA32 ? insn.imm : insn.off);
        changed = add_change(f, c, EVENT_JUMP, now, pc, target);
    }
    uint32_t next = fall;
    if (always) {
        enters = changed && target < none && c->first[target] == 0 && add_loop(f, c, after, target);
        next = target;
    } else if (!ends && fall < none) {
        changed = add_change(f, c, EVENT_FALL, after, fall, fall);
        enters = changed && add_loop(f, c, after, fall);
        ends = (changed && !enters) || will_wait(c, fall, target) || c->first[fall] != 0;
        if (changed && !enters) { target = fall; }
    }
    if (ends && !enters) {
        next = add_order(f, c, after, pc, target);
        add_loop(f, c, after, next);
    }
    if (next < none) { add_track(f, after, next); }
}

static void look(void *cookie, const struct state *state) {
    struct forger *f = cookie;
    struct checker *c = checker_of(state);
    f->checker = c;
    if (f->lost) { return; }
    take_back(f, c);
    if (f->lost) { return; }
    f->steps = c->steps;
    f->random.state = (f->seed ^ f->steps * 0x9e3779b97f4a7c15u) * 0xd1342543de82ef95u; /* so that a try that is mended goes the same way up to there */
    if (f->size < LONGEST) { decide(f, c, state->pc); }
    hand_over(f, c);
}

/* ---- tries ---- */

/* Before the first instruction nothing is shown: what comes there is as planned. */
static void begin_try(struct forger *f) {
    memset(f->visits, 0, sizeof(f->visits));
    f->steps = f->due = 0;
    f->chain_count = 0;
    f->lost = false;
    f->checker = nullptr;
    f->bytes[0] = CERTIFICATE_VERSION;
    f->size = 1;
    for (uint32_t i = 0; i < f->plan.count && f->plan.events[i].due == 0 && f->plan.events[i].kind != EVENT_JUMP && f->chain_count < CHAIN_MOST; i++) {
        const struct planned *event = &f->plan.events[i];
        uint8_t *body = begin_event(f, event->kind, 0, 0);
        memcpy(body, f->plan.bytes + event->body, event->bytes);
        end_event(f, body + event->bytes);
    }
}

/* What may help against this refusal. */
static bool find_mend(struct forger *f, const struct verifier_result *result, struct mend *mend) {
    const struct checker *c = f->checker;
    const char *why = result->message;
    bool jumped = c->steps == f->steps;
    *mend = (struct mend){.steps = c->steps, .event = jumped ? EVENT_JUMP : EVENT_FALL};
    bool twice = mended(f, mend->event, mend->steps) != nullptr;
    if (strstr(why, "none of those that wait covers") != nullptr || strstr(why, "leads back to where no loop") != nullptr) {
        mend->kind = twice ? MEND_PLAIN : MEND_NEW;
        return true;
    }
    if (strstr(why, "more of a state than") != nullptr) {
        mend->kind = (f->seed & 1) != 0 || twice ? MEND_NONE : MEND_PLAIN;
        return true;
    }
    if (strstr(why, "is longer than it says") != nullptr && c->first[c->machine.state.pc] != 0) {
        const struct head *head = &c->heads[entry_at(c, c->first[c->machine.state.pc])->head - 1];
        *mend = (struct mend){.slot = head->slot, .kind = MEND_TRIP, .trip = c->machine.state.walked - head->walked};
        return true;
    }
    if (strstr(why, "of this loop") != nullptr) {
        mend->kind = twice ? MEND_PLAIN : MEND_NEW; /* no turn ends then: refused, unless the head is gone on from later */
        return !twice;
    }
    return false;
}

static bool try_once(struct forger *f, struct verifier_result *result) {
    begin_try(f);
    enum status status = bench_check(&f->bench, f->program, (struct span){f->bytes, f->size}, look, f, result);
    if (f->checker != nullptr && !f->lost) {
        uint32_t before = f->size;
        take_back(f, (struct checker *)f->checker);
        if (status != STATUS_OK && f->size != before && strstr(result->message, "behind the program's end") != nullptr) {
            status = STATUS_OK; /* as it is without what nobody read */
        }
        if (status != STATUS_OK && f->size < before) { f->size = before; }
    }
    return status == STATUS_OK;
}

static void begin_forgery(struct forger *f, const struct bpf_program *program, uint64_t seed) {
    static const uint16_t rates[] = {0, 4, 10, 20, 40, 80, 150, 300};
    struct random random = {seed};
    f->program = program;
    f->seed = random_next(&random);
    f->rate = rates[random_below(&random, sizeof(rates) / sizeof(rates[0]))];
    f->tracks = random_chance(&random, 30);
    f->links = random_chance(&random, 15);
    f->adds_new = random_chance(&random, 35);
    f->crowds = random_chance(&random, 15);
    f->counts_far = random_chance(&random, 8);
    if ((f->counts_far || f->crowds) && f->rate > 40) { f->rate = 4; }
    f->mend_count = 0;
}

struct span forge(struct forger *f, const struct bpf_program *program, uint64_t seed, bool *taken) {
    struct verifier_result result;
    begin_forgery(f, program, seed);
    for (;;) {
        *taken = try_once(f, &result);
        struct mend mend;
        if (*taken || f->mend_count == MENDS || f->checker == nullptr || f->lost || !find_mend(f, &result, &mend)) { break; }
        f->mends[f->mend_count++] = mend;
    }
    return (struct span){f->bytes, f->size};
}
