/* Copy, fill and xor of a known number of bytes. */

#include "bpf/jit/vector_emit.h"

/* Registers that hold a whole buffer: v0..v7, then v16..v23. */
static enum a64_vector nth(uint32_t i) { return (enum a64_vector)(i < 8 ? i : i + 8); }

/* The parts of a buffer, in the order of `i`: whole units, then one that overlaps them; false when there is none. Below 16
 * bytes two pieces that overlap, of three bytes the last one by one byte. */
struct part {
    int32_t offset;
    enum a64_size size; /* when not whole */
    bool whole;
};

static bool try_part(uint32_t bytes, uint32_t i, struct part *part) {
    if (bytes >= UNIT) {
        uint32_t at = UNIT * i;
        if (at >= bytes) { return false; }
        *part = (struct part){(int32_t)(at + UNIT <= bytes ? at : bytes - UNIT), A64_SIZE_D, true};
        return true;
    }
    uint32_t log2 = 31 - (uint32_t)__builtin_clz(bytes), piece = 1u << log2;
    if (i > 1 || (i == 1 && bytes == piece)) { return false; }
    *part = (struct part){(int32_t)(i == 0 ? 0 : bytes - piece), (enum a64_size)log2, false};
    return true;
}

static bool is_pair(uint32_t bytes, uint32_t i) {
    return bytes >= UNIT && i % 2 == 0 && UNIT * (i + 2) <= bytes && UNIT * i <= 1008;
}

static void load_all(struct jit *j, enum a64_vector (*place)(uint32_t), enum a64_reg base, uint32_t bytes) {
    struct part part;
    for (uint32_t i = 0; try_part(bytes, i, &part); i++) {
        if (is_pair(bytes, i)) {
            emit_load_pair(j, place(i), base, part.offset);
            i++;
        } else if (part.whole) {
            emit_load_q(j, place(i), base, part.offset);
        } else {
            emit_load_piece(j, place(i), base, part.offset, part.size);
        }
    }
}

static void store_all(struct jit *j, enum a64_vector (*place)(uint32_t), enum a64_reg base, uint32_t bytes) {
    struct part part;
    for (uint32_t i = 0; try_part(bytes, i, &part); i++) {
        if (is_pair(bytes, i) && place(i + 1) == vector_after(place(i), 1)) {
            emit_store_pair(j, place(i), base, part.offset);
            i++;
        } else if (part.whole) {
            emit_store_q(j, place(i), base, part.offset);
        } else {
            emit_store_piece(j, place(i), base, part.offset, part.size);
        }
    }
}

enum { COPY_AT_ONCE = 256 };

/* 64 bytes a turn; the buffers lie apart. Returns what is left, at most 64 bytes. */
static uint32_t copy_loop(const struct vector_code *code) {
    struct jit *j = code->j;
    const struct a64_paired two = {2};
    uint32_t turns = (code->bytes - 1) / TURN, head = begin_turns(j, turns);
    emit_load_turn(j, V0, code->second);
    emit(j, a64_stp_q_post(V0, code->first, V1, two));
    emit(j, a64_stp_q_post(V2, code->first, V3, two));
    end_turns(j, head);
    return code->bytes - turns * TURN;
}

/* Up to 256 bytes everything is read before anything is written, so overlap does not matter. */
void compile_vector_copy(struct vector_code *code) {
    struct jit *j = code->j;
    uint32_t bytes = code->bytes;
    if (bytes == 0) { return; }
    if (bytes > COPY_AT_ONCE) {
        bytes = copy_loop(code);
        if (bytes < UNIT) {
            emit_load_q(j, V0, code->second, (int32_t)bytes - UNIT);
            return emit_store_q(j, V0, code->first, (int32_t)bytes - UNIT);
        }
    }
    load_all(j, nth, code->second, bytes);
    store_all(j, nth, code->first, bytes);
}

static enum a64_vector from_place(uint32_t i) { return nth(i + 8); }

/* Parts that overlap hold the same bytes twice, and the same comes of them. */
void compile_vector_xor(struct vector_code *code) {
    struct jit *j = code->j;
    struct part part;
    if (code->bytes == 0) { return; }
    load_all(j, nth, X0, code->bytes);
    load_all(j, from_place, X1, code->bytes);
    for (uint32_t i = 0; try_part(code->bytes, i, &part); i++) {
        emit(j, a64_eor_v(nth(i), nth(i), from_place(i), A64_LANES_FULL));
    }
    store_all(j, nth, X0, code->bytes);
}

static void fill_rest(struct jit *j, uint32_t done, uint32_t bytes) {
    int32_t at = 0;
    int32_t left = (int32_t)(bytes - done);
    struct a64_paired paired;
    for (; left >= 2 * UNIT; at += 2 * UNIT, left -= 2 * UNIT) {
        if (try_paired16(at, &paired)) { emit(j, a64_stp_q(V0, X0, V0, paired)); }
    }
    if (left >= UNIT) {
        emit_store_q(j, V0, X0, at);
        at += UNIT;
        left -= UNIT;
    }
    if (left > 0) { emit_store_q(j, V0, X0, at + left - UNIT); }
}

void compile_vector_fill(struct vector_code *code) {
    struct jit *j = code->j;
    struct part part;
    uint32_t bytes = code->bytes, done = 0;
    if (bytes == 0) { return; }
    if (is_const(j, 2)) {
        emit(j, a64_movi_byte(V0, byte_value((uint8_t)j->values[2].imm)));
    } else {
        emit(j, a64_dup_byte(V0, X1));
    }
    if (bytes < UNIT) {
        for (uint32_t i = 0; try_part(bytes, i, &part); i++) { emit_store_piece(j, V0, X0, part.offset, part.size); }
        return;
    }
    if (bytes > 4 * TURN) {
        uint32_t turns = bytes / TURN, head = begin_turns(j, turns);
        emit_store_turn(j, V0, X0);
        end_turns(j, head);
        done = turns * TURN;
    }
    fill_rest(j, done, bytes);
}
