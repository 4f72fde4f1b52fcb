#include "bpf/jit/vector_emit.h"

static const uint8_t argument_counts[VECTOR_COUNT] = {
#define ROW(name, id, result, overlaps, call, row, block, count, ...) count,
    VECTOR_TABLE(ROW)
#undef ROW
};

/* Largest buffers that become code: what the registers hold at once, or what keeps sums exact in their lanes. */
enum {
    COPY_BYTES = 256, /* of buffers that may overlap */
    XOR_BYTES = 128,
    FILL_BYTES = 1 << 20,
    SUM_U8_BYTES = 2048, /* 128 units of twice 255 in lanes of 16 bits */
    STREAM_BYTES = 1 << 18, /* 2^14 units of twice 65535 in lanes of 32 bits */
    GEMV_COLUMNS = 128,
};

static uint32_t id_at(const struct jit *j, uint32_t slot) { return (uint32_t)imm_of(insn_at(j, slot)); }

/* What the verifier says of the call; null when it says nothing. */
static const struct bpf_vector_fact *fact_of(const struct jit *j, uint32_t slot) {
    for (uint32_t i = 0; i < j->facts->vector_count; i++) {
        if (j->facts->vectors[i].slot == slot) { return &j->facts->vectors[i]; }
    }
    return nullptr;
}

/* Bytes of an element, and the most bytes of a buffer; none of what is not made in place. */
static uint32_t limit_of(const struct jit *j, uint32_t id, uint32_t *element) {
    *element = 1;
    switch (id) {
    case VL_MEM_COPY: return COPY_BYTES;
    case VL_MEM_FILL: return FILL_BYTES;
    case VL_MEM_XOR: return XOR_BYTES;
    case VL_CRC32: return j->environment->features & JIT_CRC32 ? STREAM_BYTES : 0;
    case VL_SUM_U8: return SUM_U8_BYTES;
    case VL_SUM_I32:
    case VL_MIN_I32:
    case VL_MAX_I32: *element = 4; return STREAM_BYTES;
    case VL_SUM_U16:
    case VL_DOT_I16:
    case VL_MIN_U16:
    case VL_MAX_U16: *element = 2; return STREAM_BYTES;
    case VL_CHECKSUM:
    case VL_DOT_I8:
    case VL_MIN_U8:
    case VL_MAX_U8: return STREAM_BYTES;
    default: return 0;
    }
}

bool vector_is_inlined(const struct jit *j, uint32_t slot) {
    uint32_t id = id_at(j, slot), element;
    const struct bpf_vector_fact *fact = is_vector(id) ? fact_of(j, slot) : nullptr;
    if (!fact || fact->least[0] != fact->most[0]) { return false; }
    if (id == VL_GEMV_I8) { return fact->least[1] == fact->most[1] && fact->most[1] >= UNIT && fact->most[1] <= GEMV_COLUMNS; }
    uint32_t limit = limit_of(j, id, &element);
    if (id == VL_MEM_COPY && fact->apart) { limit = STREAM_BYTES; }
    return limit > 0 && (uint64_t)fact->most[0] * element <= limit;
}

/* Which arguments are counts: r3; r2 where there is one buffer; r4 and r5 of GEMV. */
static uint32_t counts_of(uint32_t id) {
    switch (id) {
    case VL_MEM_COPY:
    case VL_MEM_FILL:
    case VL_MEM_XOR:
    case VL_DOT_I8:
    case VL_DOT_I16: return REG_BIT(3);
    case VL_GEMV_I8: return REG_BIT(4) | REG_BIT(5);
    default: return REG_BIT(2);
    }
}

uint32_t vector_arguments(const struct jit *j, uint32_t slot) {
    uint32_t id = id_at(j, slot), all = ((1u << argument_counts[id - VECTOR_ID_FIRST]) - 1) << 1;
    return vector_is_inlined(j, slot) ? all & ~counts_of(id) : all;
}

uint32_t vector_number(const struct jit *j, uint32_t slot) {
    switch (id_at(j, slot)) {
    case VL_MEM_FILL: return 2;
    case VL_CHECKSUM:
    case VL_CRC32: return 3;
    default: return 0;
    }
}

void compile_vector(struct jit *j) {
    const struct bpf_vector_fact *fact = fact_of(j, j->slot);
    struct vector_code code = {.j = j, .id = id_at(j, j->slot), .first = X0, .second = X1, .result = X0};
    uint32_t element;
    if (!fact) { return; }
    (void)limit_of(j, code.id, &element);
    code.bytes = fact->most[0] * element;
    switch (code.id) {
    case VL_MEM_COPY: return compile_vector_copy(&code);
    case VL_MEM_FILL: return compile_vector_fill(&code);
    case VL_MEM_XOR: return compile_vector_xor(&code);
    case VL_CRC32: return compile_vector_crc32(&code);
    case VL_GEMV_I8: return compile_vector_gemv(&code, fact->most[0], fact->most[1]);
    case VL_MIN_U8:
    case VL_MIN_U16:
    case VL_MIN_I32:
    case VL_MAX_U8:
    case VL_MAX_U16:
    case VL_MAX_I32: return compile_vector_extreme(&code);
    default: return compile_vector_reduction(&code);
    }
}
