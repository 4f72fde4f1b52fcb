#pragma once
/* What the parts of the generator share: the program so far, and which register has which role. */

#include "generator.h"
#include "random.h"

enum { LABELS = 512, PENDING = 32, FUNCTIONS = 4, STACK_SLOTS = 8, STACK_COUNTERS = 4 };

/* Places on the stack: numbers, then counters, then a saved pointer, then room for a key and a value. */
enum { NUMBERS_AT = -8 * STACK_SLOTS, COUNTERS_AT = NUMBERS_AT - 8 * STACK_COUNTERS, POINTER_AT = COUNTERS_AT - 8, VALUE_AT = POINTER_AT - VALUE_BYTES, KEY_AT = VALUE_AT - 8 };

struct jump {
    uint32_t slot, back_to; /* where a block out of line returns to */
    bool outlined;
};

struct loop_open {
    uint32_t top, counter, limit;
};

struct maker {
    struct random random;
    struct generated *out;
    uint32_t count, limit;
    /* of the program */
    bool calls, maps, atomics, wild;
    uint32_t functions, function; /* how many, and which one is being made */
    uint32_t memory_size;
    uint32_t call_slots[64], call_targets[64], call_count;
    /* of the function */
    uint32_t memory, alias; /* registers that hold pointers; alias 10: none */
    int32_t alias_low, alias_bytes;
    uint32_t pointer;  /* a temporary that points somewhere now; 10: none */
    uint32_t whole;    /* 4 or 8: numbers on the stack are only accessed by so many bytes, through r10; 0: in any way */
    uint32_t hot;      /* registers that are mostly used now, as bits: the others may be dead for long */
    uint32_t reserved; /* registers that no statement writes, as bits */
    uint32_t counters[3], counter_count, stack_counters;
    uint32_t fuel; /* a counter that nothing sets back */
    uint32_t labels[LABELS], label_count;
    struct jump pending[PENDING];
    uint32_t pending_count;
    struct loop_open loops[8];
    uint32_t depth;
};

static inline uint32_t below(struct maker *m, uint32_t limit) { return random_below(&m->random, limit); }
static inline bool chance(struct maker *m, uint32_t percent) { return random_chance(&m->random, percent); }
static inline bool full(const struct maker *m) { return m->count >= m->limit; }

static inline uint32_t emit(struct maker *m, uint32_t opcode, uint32_t dst, uint32_t src, int32_t off, int32_t imm) {
    if (m->count < MAX_PROGRAM_INSNS) {
        m->out->insns[m->count] = (struct bpf_insn){(uint8_t)opcode, (uint8_t)(dst | src << 4), (int16_t)off, imm};
    }
    return m->count++;
}

#define ALU(op) (BPF_CLASS_ALU | BPF_ALU_##op)
#define ALU64(op) (BPF_CLASS_ALU64 | BPF_ALU_##op)
#define JMP(op) (BPF_CLASS_JMP | BPF_JMP_##op)
#define K BPF_SRC_K
#define X BPF_SRC_X
#define MEM(class, size) (BPF_CLASS_##class | BPF_MODE_MEM | (size))

static inline void land(struct maker *m, uint32_t jump) {
    if (jump < MAX_PROGRAM_INSNS) { m->out->insns[jump].off = (int16_t)(m->count - jump - 1); }
}

static inline uint32_t size_code(uint32_t bytes) {
    return bytes == 1 ? BPF_SIZE_B : bytes == 2 ? BPF_SIZE_H : bytes == 4 ? BPF_SIZE_W : BPF_SIZE_DW;
}
/* How a number is put on the stack and taken from it. */
static inline uint32_t number_size(const struct maker *m) { return size_code(m->whole ? m->whole : 8); }

/* Any register that holds a number; one that may be written. */
uint32_t number(struct maker *m);
uint32_t target(struct maker *m);
uint32_t target_but(struct maker *m, uint32_t other);
/* A register that is none of those that were taken, as bits, and is then; 10 when there is none. */
uint32_t take(struct maker *m, uint32_t *taken);
void emit_number(struct maker *m, uint32_t dst);
/* A conditional jump that land() completes. */
uint32_t emit_condition(struct maker *m);

/* Lets jumps land here: every register without a role holds a number. */
void add_label(struct maker *m);
void land_pending(struct maker *m, uint32_t percent);
static inline void maybe_label(struct maker *m, uint32_t percent) {
    if (m->pointer != 10 || !chance(m, percent)) { return; }
    add_label(m);
    land_pending(m, 30);
}

/* Straight-line statements. */
void make_alu(struct maker *m);
void make_access(struct maker *m);
void make_atomic(struct maker *m);
void make_map_value(struct maker *m);
void make_spill(struct maker *m);
void make_helper(struct maker *m);
void make_record(struct maker *m);
void make_vector(struct maker *m); /* vector.c */
void restore_scratch(struct maker *m); /* after a call r1..r5 hold nothing */
void make_call(struct maker *m);
void make_call_to(struct maker *m, uint32_t function);

/* idiom.c */
void make_bytes(struct maker *m);
void make_signed_load(struct maker *m);
void make_rotation(struct maker *m);
void make_copying(struct maker *m);
void make_counting(struct maker *m);
void make_body(struct maker *m, uint32_t counter, uint32_t scratch); /* of such a loop */
void make_choice(struct maker *m);
void make_bulk(struct maker *m); /* bulk.c */
void make_products(struct maker *m); /* products.c */
void make_entered(struct maker *m); /* entered.c */
void make_ahead(struct maker *m); /* ahead.c */
void make_aimed(struct maker *m); /* aimed.c */
void make_aimed_loop(struct maker *m); /* aimed_loop.c */
