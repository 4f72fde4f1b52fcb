#pragma once
/* One instruction of the abstract machine. Nothing here knows how states are explored: a checker of certificates steps the
 * same way. Every function that refuses has called refuse() and returns its status. */

#include "bpf/verifier/engine.h"
#include "bpf/verifier/instruction.h"

enum flow : uint8_t {
    FLOW_NEXT,    /* s->pc is the instruction that follows */
    FLOW_JUMPED,  /* s->pc is the target of a jump, call or return */
    FLOW_BRANCH,  /* s->pc is a conditional jump that may go both ways: state_assume() takes one */
    FLOW_ALWAYS,  /* s->pc is the target of a conditional jump that is always taken here */
    FLOW_NEVER,   /* s->pc follows a conditional jump that is never taken here */
    FLOW_CALLBACK, /* s->pc is the call of a helper that calls a function back: callback.h */
    FLOW_ITERATES, /* s->pc is the call of a function that gives the next element: iterator.h */
    FLOW_MAY_GOTO, /* s->pc is a jump that the kernel takes when the program has gone on for too long */
    FLOW_LEAVES,   /* s->pc follows an instruction that may also have left the local function: step_leave() */
    FLOW_EXIT,    /* the program ended */
    FLOW_REFUSED, /* v->result says why */
};

/* Executes instructions from s->pc on, at least one and at most *left, which it counts down: until one does not simply
 * lead to the next, or leads to a point. */
enum flow state_run(struct verifier *v, struct state *s, uint64_t *left);
/* Executes this instruction, which is no jump and no call of a local function; of a 64-bit load s->pc is then the second
 * slot. Notes no facts. */
[[nodiscard]] enum status state_step(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape);
/* Takes one way out of the conditional jump at s->pc: narrows what it compares and moves s->pc. False when the way is
 * not possible. While v->undo_active, what changes can be taken back with state_undo(). */
[[nodiscard]] bool state_assume(struct verifier *v, struct state *s, bool taken);
void state_undo(struct verifier *v);
/* Entry of the program's hook. */
void state_begin(struct verifier *v, struct state *s);

/* ---- parts ---- */

enum { OFFSET_LIMIT = 1 << 29 }; /* offsets of pointers stay within ±2^29, so that sums of them never overflow */

/* dst's number became another: the link to those that it was equal to stays when a constant was added. */
static inline void reg_shift_link(struct reg *dst, struct bpf_insn insn) {
    bool adds = insn.opcode == (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_K);
    int64_t off = (int64_t)dst->off + insn.imm;
    if (adds && off > -OFFSET_LIMIT && off < OFFSET_LIMIT) {
        dst->off = (int32_t)off;
        if (OTHER_PLATFORMS && insn.imm != 0) { dst->map = origin_inside(dst->map); }
    } else {
        reg_renumber(dst);
    }
}
/* What the result is when a register moves a readable address by a known number; else ORIGIN_ANY. */
static inline uint8_t origin_moved(struct bpf_insn insn, const struct reg *dst, const struct reg *src) {
    bool adds = insn.opcode == (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_X), subtracts = insn.opcode == (BPF_CLASS_ALU64 | BPF_ALU_SUB | BPF_SRC_X);
    if (!OTHER_PLATFORMS || (!adds && !subtracts)) { return ORIGIN_ANY; }
    if (origin_is_readable(dst->map) && scalar_is_const(&src->var)) { return origin_inside(dst->map); }
    return adds && origin_is_readable(src->map) && scalar_is_const(&dst->var) ? origin_inside(src->map) : ORIGIN_ANY;
}
/* Whether this is noted of the instruction in this slot. */
static inline bool is_noted(const struct verifier *v, uint32_t pc, enum bpf_note note) {
    return OTHER_PLATFORMS && v->program->notes != nullptr && (v->program->notes[pc] & note) != 0;
}
static inline struct reg *reg_at(struct state *s, uint32_t r) { return &s->regs[r]; }
/* When r is a number only because what it pointed to is gone, says so; else STATUS_OK. */
[[nodiscard]] enum status refuse_lost(struct verifier *v, struct state *s, uint32_t r);
[[nodiscard]] enum status refuse_unset(struct verifier *v, struct state *s, uint32_t r);
[[nodiscard]] static inline enum status require_set(struct verifier *v, struct state *s, uint32_t r) {
    return reg_at(s, r)->kind != REG_UNINIT ? STATUS_OK : refuse_unset(v, s, r);
}

/* transfer_alu.c */
[[nodiscard]] enum status step_alu(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape);
/* pointer.c: dst = dst <op> src where one of them is a pointer; `src` may be a scratch scalar. */
[[nodiscard]] enum status step_pointer_alu(struct verifier *v, struct state *s, struct bpf_insn insn, const struct reg *src);
/* For the JIT: a number is added to this pointer, or taken from it. Without a pointer: in this slot that is not always so. */
void note_index(struct verifier *v, uint32_t pc, const struct reg *p, const struct scalar *by, bool in_dst);
static inline uint32_t index_object(const struct reg *p, const struct scalar *by, bool in_dst) {
    return (in_dst ? INDEX_IN_DST : INDEX_IN_SRC) | (by->umax > UINT32_MAX ? INDEX_ODD : (uint32_t)p->kind << 8 | p->map);
}
/* The same where none was noted before, but for FACT_ADDRESS. */
static inline void note_first_index(struct bpf_facts *facts, uint32_t pc, const struct reg *p, const struct scalar *by, bool in_dst) {
    uint32_t at = facts->index_count;
    if (at == MAX_INDEX_FACTS) { return; }
    facts->indexes[at] = (struct bpf_index_fact){(uint16_t)pc, (uint16_t)index_object(p, by, in_dst), (uint32_t)by->umax, (uint32_t)(by->value | by->mask)};
    facts->index_count = at + 1;
}
/* True when both point into the same object, so that their offsets can be compared. */
bool pointers_share_base(const struct reg *a, const struct reg *b);
/* The offset from the base as one scalar. */
struct scalar pointer_offset(const struct reg *r);

/* memory.c */
enum access : uint8_t {
    ACCESS_READ = 1,
    ACCESS_WRITE = 2,
    ACCESS_WHOLE = 4, /* by a load or store, not by a helper or atomic */
};
[[nodiscard]] enum status step_load(struct verifier *v, struct state *s, struct bpf_insn insn, bool sign_extend);
[[nodiscard]] enum status step_store(struct verifier *v, struct state *s, struct bpf_insn insn, bool from_register);
/* LD_ABS and LD_IND (RFC 9669 §5.6); outside the packet they end the program. */
[[nodiscard]] enum status step_legacy_packet(struct verifier *v, struct state *s, struct bpf_insn insn);
[[nodiscard]] enum status step_atomic(struct verifier *v, struct state *s, struct bpf_insn insn);
/* `bytes` at pointer `p` (named r in messages) plus off, in anything but stack and context. */
[[nodiscard]] enum status check_memory(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int32_t off,
                                       uint64_t bytes, uint8_t access);

/* Whether the pointer leads into the packet. */
static inline bool reg_is_of_packet(const struct reg *r) {
    bool slice = OTHER_PLATFORMS && (r->kind == REG_MEMORY || r->kind == REG_MEMORY_OR_NULL) && (r->map & MEMORY_OF_PACKET) != 0;
    return slice || r->kind == REG_PACKET || r->kind == REG_PACKET_END || r->kind == REG_PACKET_META;
}
/* The bytes at p plus off when programs can't change them and they are known, or null. */
const uint8_t *known_contents(const struct verifier *v, const struct reg *p, int64_t off, uint64_t bytes);

/* context.c: what is known so of bytes [at, at + bytes) of an object of this kind, or null. */
const struct bpf_part *part_at(const struct verifier *v, uint8_t object, enum bpf_part_kind kind, int64_t at, uint32_t bytes);

/* stack.c: `bytes` at stack pointer `p` plus off. */
[[nodiscard]] enum status stack_load(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint32_t bytes,
                                     bool sign_extend, struct reg *out);
[[nodiscard]] enum status stack_store(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint32_t bytes,
                                      struct reg *value);
/* All bytes in reach are initialised and hold numbers. */
[[nodiscard]] enum status stack_readable(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint64_t bytes);

/* True when the four bytes at p are known. */
bool stack_constant(const struct state *s, const struct reg *p, uint32_t *value);

/* Bytes that a helper writes; in reach of them whatever was known is lost, and afterwards they are numbers. */
[[nodiscard]] enum status stack_fill(struct verifier *v, struct state *s, const struct reg *p, uint64_t bytes);
/* Forgets every pointer kept in this frame that has this reference; with 0, every pointer into the packet. */
void stack_drop(struct frame *frame, uint8_t reference);

/* call.c */
[[nodiscard]] enum status step_helper(struct verifier *v, struct state *s, uint32_t id);
[[nodiscard]] enum status step_call(struct verifier *v, struct state *s, uint32_t target);
/* vector.c: a helper that platform_has_vector(). */
[[nodiscard]] enum status step_vector(struct verifier *v, struct state *s, uint32_t id);
/* Ends the current function; *ended when it was the main one. */
[[nodiscard]] enum status step_exit(struct verifier *v, struct state *s, bool *ended);
/* r may be what the program returns: message words for when. Nothing is held. */
[[nodiscard]] enum status check_exit_value(struct verifier *v, struct state *s, uint32_t r, const char *when);
/* At FLOW_LEAVES: ends the local function as the instruction before s->pc does when it does not come back. */
[[nodiscard]] enum status step_leave(struct verifier *v, struct state *s);
/* helper.c: the packet may have become another; nothing points into it any more. */
void void_packet(struct state *s);

/* refine.c */
[[nodiscard]] enum status branch_certainty(struct verifier *v, struct state *s, struct bpf_insn insn, enum certainty *certainty);

