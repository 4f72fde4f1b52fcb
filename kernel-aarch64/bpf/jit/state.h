#pragma once
/* What the compiler knows while it walks a program once.
 *
 * Register roles in the code it makes:
 *   r0        x7, or x0 where r1 is dead (results of calls arrive there, results of the program leave there)
 *   r1..r5    x0..x4, which are the argument registers of AAPCS64
 *   r6..r9    x19..x22 when live across a call, else x5, x6, x8, x9
 *   r10       sp + a constant; never occupies a register
 *   x28       where an arena is, on platforms that have such
 *   x10, x11  sums that addresses have in common (sum.c); within one instruction, atomics, which use x12 too
 *   x12..x15  constants of the loop that is being compiled (hoist.c), stack slots (promote.c)
 *   x16, x17  scratch within one instruction; x18, which is no platform's here, holds what is moved aside meanwhile
 *
 * Values are computed late. An eBPF register that was set to a constant, a copy, a sum, a field or a product is only noted
 * here; the consumer folds it into an operand or an address, or it is written to its home register when somebody needs it
 * there. What nobody needs is never computed.
 * Invariant: when a register is redefined, everybody else whose noted value reads its home is written first (value.c). */

#include "bpf/jit/immediate.h"
#include "bpf/jit/insn.h"
#include "bpf/jit/jit.h"

#define SCRATCH X16
#define SCRATCH2 X17
#define ASIDE X18
#define R0_HOME X7
#define SHARED_SUM_FIRST X10
#define SHARED_SUMS 2u
#define FIRST_SUM 11u /* number of the first of them among the values */
#define HOISTED_FIRST X12
#define HOISTED_LIMIT 4u
#define ARGUMENT_REGS 0x3eu /* r1..r5 */
#define REG_BIT(reg) (1u << (reg))
#define FROM_MEMORY REG_BIT(15) /* or from a call */

enum value_kind : uint8_t {
    VALUE_COPY,    /* base (the home register itself when nothing is pending) */
    VALUE_CONST,   /* imm */
    VALUE_ADD_IMM, /* base + imm; base may be SP */
    VALUE_FIELD,   /* bits base[from + width - 1 : from], extended, shifted left by `to`; from or to is 0 */
    VALUE_MASK,    /* base & imm, imm a bitmask immediate of 64 bits */
    VALUE_SUM,     /* base + (index << to) + imm, index cut to 32 bits when `narrow`; base may be XZR */
    VALUE_PRODUCT, /* base * index, of 32 bits when `narrow` */
    VALUE_BYTES,   /* bytes at base + index + an offset, not loaded yet (bytes.h) */
};

/* The shape is made, copied and compared as one number: value_copy() and so on. */
struct value {
    union {
        uint64_t shape;
        struct {
            enum value_kind kind;
            uint8_t base;  /* enum a64_reg; NO_REG where none is read */
            uint8_t index; /* as well */
            uint8_t from, width, to;
            bool is_signed; /* VALUE_FIELD: sign-extended */
            bool narrow;    /* 32-bit operation, bits 63..32 of the result zero */
        };
    };
    uint64_t imm;
};
static_assert(sizeof(struct value) == 16);

#define NO_REG 63u
#define SHAPE(kind, base, index) ((kind) | (uint64_t)(base) << 8 | (uint64_t)(index) << 16)
#define SHAPE_TO(to) ((uint64_t)(to) << 40)
#define SHAPE_NARROW(narrow) ((uint64_t)(narrow) << 56)

static inline uint64_t shape_copy(uint32_t base) { return SHAPE(VALUE_COPY, base, NO_REG); }

/* While compiling, word_of_insn[slot] also holds what is known of the slot, above the 16 bits of its first word. Before the
 * slot is emitted these 16 bits head a chain of branches that wait for it: word + 1, each linked to the one before it by the
 * distance in its target field. */
#define SLOT_WORD 0xffffu
#define SLOT_LIVE_SHIFT 16 /* 10 bits: registers live before it */
#define SLOT_BACK (1u << 26) /* jumped or called to from behind */
#define SLOT_TARGET (1u << 27)
#define SLOT_ENTRY (1u << 28)
#define SLOT_R0_HOME (1u << 29) /* on arrival r0 is in x7, not x0 */
#define SLOT_LOOP (1u << 30)
#define SLOT_EMITTED (1u << 31)
#define MAX_CODE_WORDS 0xfff0u

/* What a function needs of its frame. */
struct needs {
    uint32_t across; /* r6..r9 live across some call */
    int32_t lowest;  /* lowest stack byte addressed from r10 */
    bool escapes;    /* r10 is copied */
    bool vectors;    /* code in place of vector helpers, which changes x10..x17 */
    bool calls;
};

/* How the program uses its stack, in slots of eight bytes from the lowest on (promote.h). */
struct stack_use {
    uint64_t seen, odd; /* accessed at all; accessed in a way that a register can't stand for */
    uint64_t wide;      /* by eight bytes, else by four */
    uint64_t promoted;
    uint8_t weight[64]; /* of those seen: accesses, those in loops counting more; of those promoted: the register */
};
static_assert(BPF_STACK_BYTES == 64 * 8);

/* A loop of one block that ends with the copy of a register to another, dead at its head: `to` = `from`; or one that begins with
 * such a copy: `from` = `to` (enter.c). At the head `to` is expected in the home of `from`, so that nothing moves; within a turn
 * either may be in the other's home. */
struct carried {
    uint32_t active; /* REG_BIT(to) from before the head until the jump back, else 0 */
    uint32_t head, copy; /* slots */
    uint32_t last; /* slot of the last jump back to a head that begins with the copy, else 0 */
    uint8_t to, from;
};

/* What a number is known to be before a slot, from the compares that lead there (range.h). */
struct range {
    uint16_t slot; /* 0: none */
    uint16_t low, high;
    uint8_t reg;
};
#define RANGES 64u
#define RANGED_BITS 16u
#define MAX_RANGED 0xfffeu

/* A slot that jumps go back to, and the last of them. */
struct back {
    uint16_t head, last;
};
#define BACKS 64u

/* Turns that were compiled ahead of a loop (ahead.h), until what its slots are to say of them stands there. */
#define MOST_AHEAD 14u
struct ahead {
    uint32_t head, last; /* slots; the last one jumps back. 0: none */
    uint32_t end;        /* word behind those turns */
    uint32_t entries[MOST_AHEAD];
};

#define SAVED_LIMIT 15u /* x30, and x19 to x28; an even number is read at a time */

struct function {
    uint32_t frame_bytes;
    uint32_t saved_count;
    uint8_t saved[SAVED_LIMIT + 1]; /* enum a64_reg */
    uint8_t prologue_words;
    bool calls;
    bool caller_keeps; /* x19 to x28 need not be saved */
};

struct jit {
    const struct bpf_program *program;
    const struct bpf_facts *facts;
    const struct jit_environment *environment;
    uint32_t *slots; /* word_of_insn */
    uint32_t *out;
    uint32_t capacity;
    uint32_t words;
    uint32_t barrier;  /* words before this one must not be merged with what follows: somebody branches here */
    uint32_t slot;     /* being compiled */
    uint32_t facts_here; /* enum bpf_fact of the slot */
    uint32_t known;    /* of the slot, before its word stands there */
    bool skips_next; /* the next slot was compiled together with this one */
    uint32_t live_out; /* registers live after the slot */
    uint32_t pending;  /* registers whose value is noted but not in its home */
    uint32_t settling; /* of those, the ones that are being written there, each because the one before wants its register */
    bool is_lost;      /* more had to be moved aside than there is room for, or TBZ does not reach: the program is not compiled */
    uint32_t loads;    /* registers that wait to be loaded (bytes.h), and r10 while it is in SCRATCH2; may say too many */
    uint16_t readers[32]; /* of each A64 register: those whose noted values read it; may say too many */
    uint32_t in_turn;  /* a turn of several is being compiled: what the slots hold is still needed; 1 + counter */
    uint32_t resume;   /* slot to go on at instead of the next one; 0: none */
    uint32_t copied_head, copied_entry; /* what word_of_insn gets of the head of an unrolled loop; 0: none */
    uint32_t last_constant; /* slot of a loop that takes a constant in a register; 0: none does */
    uint32_t hoisted_end; /* slot after the loop whose constants are in registers */
    uint32_t hoisted_count;
    uint32_t hoisted_limit;
    uint64_t hoisted[HOISTED_LIMIT];
    struct carried carried;
    struct ahead ahead;
    bool exchanges;    /* turns are being compiled ahead of a loop: registers may change homes */
    uint32_t down_step, down_test; /* slots of a loop that counts down (down.h); 0: none */
    bool has_local_calls;
#if OTHER_PLATFORMS
    bool is_called_back; /* functions of the program are, through their address */
#endif
    uint32_t first_head, last_head; /* of the slots that jumps or calls go back to; in reverse when there is none */
    bool guards;         /* some index may have to be held to its range again (speculation.h) */
    uint64_t guarded;    /* bit per index fact: it has to */
    uint32_t next_fact;  /* behind the index fact that was looked up last */
    uint32_t last_index; /* last slot with such a fact */
    uint32_t guard_slot, guard_word; /* of the last barrier against speculation; the word behind it, 0: not all ways lead over it */
    uint32_t guard_reg;  /* that its access uses, NO_REG: it stands before something else */
    uint16_t copied[16]; /* of each register, whatever it is ever computed from: register bits, FROM_MEMORY */
    struct needs needs;  /* of the program, all of it */
    struct function function;
    uint8_t home[16];
    union {
        uint8_t bits[16]; /* bits at and above this number are zero in the register */
        uint64_t bits_words[2];
    };
    struct range range;  /* before `range.slot` alone */
    bool has_ranges;
    uint32_t next_sum; /* the shared sum that makes room next */
    struct range *ranges; /* RANGES of them, each of a slot with such a remainder, the last one noted; set with the first */
    struct back *backs; /* BACKS of them, set as they are counted, by scan_program(): those whose last jump is the last in the program */
    uint32_t back_count;
    uint64_t *breaks; /* bit per slot: it is jumped or called to, or jumps, calls or is an atomic; set by scan_program() */
    struct stack_use stack; /* `weight` and what follows are set as they are first used */
    struct value values[FIRST_SUM + SHARED_SUMS];
};
#define BREAK_WORDS(count) ((count) / 64 + 1)

/* A callee-saved register that the function uses. */
static inline void add_saved(struct function *f, uint32_t reg) {
    if (!f->caller_keeps) { f->saved[f->saved_count++] = (uint8_t)reg; }
}

/* For functions that seldom run: small, and out of the way of those that often do. */
#define RARE [[clang::noinline, clang::minsize]]

/* For conditions that seldom hold: the compiler is to branch on them, not to compute both sides. */
#define SELDOM(condition) __builtin_expect(!!(condition), 0)

static inline uint32_t live_of(uint32_t known) { return (known >> SLOT_LIVE_SHIFT) & 0x3ffu; }
static inline uint32_t slot_live(const struct jit *j, uint32_t slot) { return live_of(j->slots[slot]); }

/* Registers live before the slot that is being compiled. */
static inline uint32_t live_before(const struct jit *j) { return live_of(j->known); }

/* Number of low bits that may be set in the register that is the dst or the src of this slot. */
static inline uint32_t dst_bits(const struct jit *j, uint32_t reg) {
    uint32_t bits = j->bits[reg];
    return bits > 32 && j->facts_here & FACT_DST_UPPER_ZERO ? 32 : bits;
}
static inline uint32_t src_bits(const struct jit *j, uint32_t reg) {
    uint32_t bits = j->bits[reg];
    return bits > 32 && j->facts_here & FACT_SRC_UPPER_ZERO ? 32 : bits;
}

/* Whether compares that lead to this slot bound the register. */
static inline bool is_ranged(const struct jit *j, uint32_t reg) { return j->range.slot == j->slot && j->range.slot && j->range.reg == reg; }

static inline struct insn insn_at(const struct jit *j, uint32_t slot) { return load_insn(&j->program->insns[slot]); }

static inline bool slot_reached(const struct jit *j, uint32_t slot) {
    return j->facts->flags[slot] & FACT_REACHED;
}

/* Appends one instruction; one too many for the buffer is counted, not written. */
void emit(struct jit *j, uint32_t word);

static inline void note_break(struct jit *j, uint32_t slot) { j->breaks[slot / 64] |= 1ull << slot % 64; }

static inline bool is_break(const struct jit *j, uint32_t slot) { return j->breaks[slot / 64] >> slot % 64 & 1; }

/* The first slot from `from` on where straight code begins or ends; `end` when there is none before it. */
static inline uint32_t find_break(const struct jit *j, uint32_t from, uint32_t end) {
    while (from < end) {
        uint64_t left = j->breaks[from / 64] >> from % 64;
        if (left) {
            from += (uint32_t)__builtin_ctzll(left);
            return from < end ? from : end;
        }
        from = (from | 63) + 1;
    }
    return end;
}

/* The slot behind the last of them before `slot`; `end` when there is none behind that. */
static inline uint32_t behind_break(const struct jit *j, uint32_t slot, uint32_t end) {
    while (slot > end) {
        uint64_t left = j->breaks[(slot - 1) / 64] << (-slot & 63);
        if (left) {
            slot -= (uint32_t)__builtin_clzll(left);
            return slot > end ? slot : end;
        }
        slot = (slot - 1) & ~63u;
    }
    return end;
}

/* The last slot that jumps back to this one; the end of the program when it is one of too many. */
static inline uint32_t last_jump_back(const struct jit *j, uint32_t head) {
    for (uint32_t i = 0; i < j->back_count; i++) {
        if (j->backs[i].head == head) { return j->backs[i].last; }
    }
    return j->program->count;
}

/* What ld_imm64 loads (RFC 9669 §5.4); the slot behind it holds the upper half. */
static inline uint64_t immediate64_of(const struct jit *j, struct insn insn, uint32_t slot) {
    uint32_t map = (uint32_t)imm_of(insn) % MAX_MAPS_PER_PROGRAM;
    uint64_t high = (uint32_t)j->program->insns[slot + 1].imm;
    if (src_of(insn) == BPF_PSEUDO_IMM64_MAP) { return j->environment->map_addr[map]; }
    if (src_of(insn) == BPF_PSEUDO_IMM64_MAP_VALUE) { return j->environment->map_value_addr[map] + high; }
    return high << 32 | (uint32_t)imm_of(insn);
}

/* Whether somebody else than the program itself calls the function that begins there: all may be, where one is called back. */
static inline bool begins_called(const struct jit *j, uint32_t entry) {
#if OTHER_PLATFORMS
    if (j->is_called_back) { return true; }
#endif
    return (void)j, entry == 0;
}

/* The slot of the function whose address is loaded. */
static inline uint32_t function_loaded(const struct jit *j, uint32_t slot) { return slot + 1 + (uint32_t)imm_of(insn_at(j, slot)); }

/* What only programs of other platforms have. */
static inline bool loads_function(struct insn insn) {
    return OTHER_PLATFORMS && opcode_of(insn) == (BPF_CLASS_LD | BPF_SIZE_DW) && src_of(insn) == BPF_PSEUDO_IMM64_FUNCTION;
}
static inline bool is_packet_load(struct insn insn) { return class_of(insn) == BPF_CLASS_LD && opcode_of(insn) & 0xe0u; }
static inline bool is_foreign(const struct jit *j) { return OTHER_PLATFORMS && j->program->platform != nullptr; }
bool has_arena(const struct jit *j);

/* A jump as the facts leave it. */
enum flow : uint8_t { FLOW_NEXT, FLOW_JUMP, FLOW_BRANCH, FLOW_CALL_HELPER, FLOW_CALL_LOCAL, FLOW_EXIT };

static inline bool is_jump_class(struct insn insn) {
    uint32_t class = class_of(insn);
    return class == BPF_CLASS_JMP || class == BPF_CLASS_JMP32;
}

static inline enum flow jump_flow(struct insn insn, uint8_t facts) {
    switch (operation_of(insn)) {
    case BPF_JMP_JA: return FLOW_JUMP;
    case BPF_JMP_EXIT: return FLOW_EXIT;
    case BPF_JMP_CALL: return src_of(insn) == BPF_PSEUDO_CALL_LOCAL ? FLOW_CALL_LOCAL : FLOW_CALL_HELPER;
    default: break;
    }
    if (facts & FACT_ALWAYS_TAKEN) { return FLOW_JUMP; }
    return facts & FACT_NEVER_TAKEN ? FLOW_NEXT : FLOW_BRANCH;
}

/* Slot a jump or local call goes to. RFC 9669 §4.3: gotol and call take the distance from imm. */
static inline uint32_t jump_target(struct insn insn, uint32_t slot) {
    bool wide = opcode_of(insn) == (BPF_CLASS_JMP32 | BPF_JMP_JA) || operation_of(insn) == BPF_JMP_CALL;
    return slot + 1 + (uint32_t)(wide ? imm_of(insn) : off_of(insn));
}
