#pragma once
/* What the parts of the verifier share during one bpf_verify(): the program, its structure, and where a refusal goes. */

#include "bpf/program.h"
#include "bpf/verifier/observe.h"
#include "bpf/verifier/platform.h"
#include "bpf/verifier/state.h"
#include "bpf/verifier/verifier.h"
#include <stdint.h>

enum mark : uint8_t {
    MARK_TARGET = 1 << 0,   /* some jump lands here */
    MARK_SECOND = 1 << 1,   /* second slot of ld_imm64 */
    MARK_FUNCTION = 1 << 2, /* some call lands here */
    MARK_LEAVES_LOOP = 1 << 3, /* conditional jump: one way out leaves the innermost loop */
    MARK_REACHED = 1 << 4,  /* there is a way here in the control-flow graph */
};

/* What is still read after a point; a bit per register, a bit per stack slot. */
struct live {
    uint16_t regs;
    uint16_t regs_decisive; /* of these, the ones whose value may decide on safety or on the end of a loop */
    uint64_t slots;
    uint64_t slots_decisive;
};

enum { NO_POINT = UINT16_MAX, FUNCTIONS = 64 };

/* A place where ways meet or functions begin: states rest and merge here. */
struct point {
    uint16_t pc;
    uint16_t order; /* place in the weak topological order */
    uint16_t last;  /* head of a loop: highest order inside it */
    uint16_t head;  /* point that heads the innermost loop around this one, itself if it is a head; or NO_POINT */
    uint16_t outer; /* head of a loop: the head of the next loop around it, or NO_POINT */
    uint16_t level; /* loops around it */
};

struct function {
    uint16_t start;
    uint16_t stack_bytes; /* deepest use seen */
    bool tail_calls;
    uint64_t escaped;     /* slots that may be reached through a pointer other than r10 */
};

/* What an instruction was seen to access. */
enum accesses : uint8_t { ACCESSES_NOTHING, ACCESSES_PLAIN, ACCESSES_CONTEXT, ACCESSES_OBJECT /* and on, by kind of object */, ACCESSES_OWN = 200 /* likewise */, ACCESSES_ARENA = 255 };

struct undo {
    struct reg *place;
    struct reg saved;
};
enum { UNDO_KEPT = 24 };

enum { TIMERS = 64 };

struct snapshot;
struct timer_call;
enum { SNAPSHOT_CLASSES = 96 };

struct verifier {
    const struct bpf_program *program;
    const struct bpf_platform *platform;
    const struct program_type *type; /* of the program */
    struct bpf_facts *facts;
    struct verifier_result *result;

    /* the lent memory: fixed tables grow from its start, kept states use the rest */
    uint8_t *free;
    uint8_t *limit;

    /* structure.c */
    uint8_t *marks;        /* enum mark of each slot */
    uint16_t *points;      /* of each slot: 1 + index of its point, or 0 */
    uint32_t point_count;
    uint32_t loop_count;   /* backward jumps */
    uint32_t call_count;   /* calls between functions */
    bool takes_address;    /* r10 is used for more than loads and stores */
    struct live *live;       /* at each point (liveness.c) */
    struct point *points_at; /* each point (order.c) */
    struct function functions[FUNCTIONS]; /* by start; functions[0] is the main one */
    uint32_t function_count;
    uint32_t frame_count; /* frames that the deepest chain of calls needs */

    /* the walk */
    uint8_t *accesses; /* enum accesses of each slot, or null where the platform does not mind */
    state_observer observer;
    void *observer_cookie;
    struct snapshot *spare[SNAPSHOT_CLASSES]; /* free snapshots by size */
    uint32_t states;                          /* snapshots in use */
    bool follows_callbacks; /* this walk knows FLOW_CALLBACK, FLOW_ITERATES, FLOW_MAY_GOTO */
    uint64_t callback_turns; /* of the function that may be called back most often */
    uint32_t callback_nest;  /* most functions that are called back, one in the other */
    uint64_t iterator_turns; /* of all iterators, each as often as it may be made */
    uint32_t may_go_on;      /* frames in which a may_goto was passed: a bit for each depth */
    bool precise; /* second attempt: merge only what cannot matter */
    uint32_t last_id;
    uint64_t sweep_budget; /* slots that sweeps over the whole program may still visit; 0 = too many were needed */
    uint32_t undo_count;
    bool undo_active;
    uint16_t *undo_held; /* frames[0].call before, while undo_active */
    uint16_t undo_held_saved;
    struct references *references; /* reference.c; null until something is acquired */
    struct undo undo[UNDO_KEPT];
    uint64_t compared; /* other platforms: states that rested, with those that came by */
    uint64_t *changed_back; /* other platforms: of each function, slots that functions that are called back may change, as seen so far */
    bool changes_more;      /* this walk has seen others */
    struct global *globals; /* global.h: of each function, or null where none is judged by itself */
    uint32_t entry;         /* the function that is judged; 0 = the program */
    struct timer_call *timers; /* timer.h: what this walk has found that timers call */
    uint32_t timer_count, timers_walked;
    const struct timer_call *timer; /* the one that is judged, or null */
    uint32_t refused;       /* another one that was called and is refused, or 0 */
};

/* struct bpf_platform */
static inline bool is_privileged(const struct verifier *v) { return OTHER_PLATFORMS && v->platform->privileged; }

/* The instruction in this slot, read as two words: field by field the compiler would read bytes. */
static inline struct bpf_insn fetch(const struct bpf_insn *at) {
    uint32_t fields, imm;
    __builtin_memcpy(&fields, at, sizeof(fields));
    __builtin_memcpy(&imm, &at->imm, sizeof(imm));
    return (struct bpf_insn){(uint8_t)fields, (uint8_t)(fields >> 8), (int16_t)(fields >> 16), (int32_t)imm};
}
static inline struct bpf_insn insn_at(const struct verifier *v, uint32_t pc) { return fetch(&v->program->insns[pc]); }

/* Sweeps that go on until nothing changes take as many turns as jumps lead backward; false when that is too many. */
static inline bool may_sweep(struct verifier *v) {
    v->sweep_budget = v->sweep_budget > v->program->count ? v->sweep_budget - v->program->count : 0;
    return v->sweep_budget != 0;
}

/* An id that no register has yet. */
uint32_t new_id(struct verifier *v);

/* Takes memory from the workspace, 16-byte aligned, not cleared; null when it is full. */
void *take_memory(struct verifier *v, uint32_t size_bytes);

/* Ends the verification: records status, instruction and message, and returns the status.
 * Format: %u %d %x of uint64_t/int64_t values, %s string, %r register number, %R const struct reg *. */
[[nodiscard]] enum status refuse(struct verifier *v, enum status status, uint32_t insn, const char *format, ...);

/* verify.c: lays out the workspace for one program; null, with result->status, when it is too small. */
struct verifier *verifier_open(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                               struct verifier_result *result);
/* Whether the platform takes programs like this at all; sets v->type. */
[[nodiscard]] enum status check_program(struct verifier *v);
/* structure.c: decodes, checks and marks every slot. */
[[nodiscard]] enum status check_structure(struct verifier *v);
/* liveness.c: fills v->live. */
void compute_liveness(struct verifier *v);

/* With the stack use that the walk has seen: the frames of every chain of calls fit the stack together. */
[[nodiscard]] enum status check_stack_chain(struct verifier *v);

/* Index in v->functions of the function that holds this slot. */
uint32_t function_at(const struct verifier *v, uint32_t insn);
