#pragma once
/* Pieces that the code of vector helpers is made of.
 *
 * Register roles: x0..x4 the arguments of helpers, moved along by loops; x16, x17 scratch, x16 counts turns; v0..v3 what is loaded from
 * the first buffer, v4..v7 from the second; v16, v17 sums; v18..v21 products; v24..v31 the vector of GEMV; v22 zero. */

#include "bpf/jit/immediate.h"
#include "bpf/jit/value.h"
#include "bpf/jit/vector.h"

#define ZERO_VECTOR V22
#define SPARE_VECTOR V23
#define TURNS X16

enum { UNIT = 16, TURN = 64 };

static inline enum a64_vector vector_after(enum a64_vector v, uint32_t by) { return (enum a64_vector)(v + by); }

/* What one helper's code is about: sizes are proven. */
struct vector_code {
    struct jit *j;
    uint32_t id, bytes; /* of a buffer */
    enum a64_reg first, second, result; /* copies and reductions: the two buffers, and what it comes to */
    bool narrow;        /* reductions: only the low 32 bits of the result count */
};

void emit_load_q(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset);
void emit_store_q(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset);
/* Two neighbours, low offset first, a multiple of 16 within -1024..1008. */
void emit_load_pair(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset);
void emit_store_pair(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset);
/* 64 bytes into or from four registers, and on. */
void emit_load_turn(struct jit *j, enum a64_vector vt, enum a64_reg base);
void emit_store_turn(struct jit *j, enum a64_vector vt, enum a64_reg base);

/* A piece of 1, 2, 4 or 8 bytes; loads clear the rest of the register. */
void emit_load_piece(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, enum a64_size size);
void emit_store_piece(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, enum a64_size size);

/* The last `left` bytes, 1..15, at `offset`, and zeros behind them. When `before` bytes lie in front of them it may read those. */
void emit_load_rest(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, uint32_t left, uint32_t before);

/* Begins a loop of so many turns; end_turns() closes it. */
uint32_t begin_turns(struct jit *j, uint32_t turns);
void end_turns(struct jit *j, uint32_t head);

/* vector_memory.c, vector_reduce.c, vector_gemv.c */
void compile_vector_copy(struct vector_code *code);
void compile_vector_fill(struct vector_code *code);
void compile_vector_xor(struct vector_code *code);
void compile_vector_reduction(struct vector_code *code);
void compile_vector_extreme(struct vector_code *code);
void compile_vector_crc32(struct vector_code *code);
void compile_vector_gemv(struct vector_code *code, uint32_t rows, uint32_t columns);
