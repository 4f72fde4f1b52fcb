/* Every vector helper once, on 2 KiB of memory: what it is given lies in the first half, what comes of it in the second. */
#include "velocity.h"

enum { RESULTS_AT = 1024, N = 100, ROWS = 7, COLUMNS = 45, TAPS = 11 };

static __always_inline void all(uint8_t *memory, uint64_t *results, uint64_t n) {
    const uint8_t *a = memory + 3, *b = memory + 510; /* on no boundary */
    results[0] = (uint64_t)vl_mem_compare(a, b, n);
    results[1] = (uint64_t)vl_mem_find(a, n, 0x5a);
    results[2] = vl_checksum(a, n, 0);
    results[3] = vl_checksum(a, n, memory[0]);
    results[4] = vl_crc32(a, n, 0);
    results[5] = vl_sum_u8(a, n);
    results[6] = vl_sum_u16((const uint16_t *)a, n);
    results[7] = (uint64_t)vl_sum_i32((const int32_t *)a, n);
    results[8] = (uint64_t)vl_dot_i8((const int8_t *)a, (const int8_t *)b, n);
    results[9] = (uint64_t)vl_dot_i16((const int16_t *)a, (const int16_t *)b, n);
    results[10] = vl_min_u8(a, n);
    results[11] = vl_min_u16((const uint16_t *)a, n);
    results[12] = (uint64_t)vl_min_i32((const int32_t *)a, n);
    results[13] = vl_max_u8(a, n);
    results[14] = vl_max_u16((const uint16_t *)a, n);
    results[15] = (uint64_t)vl_max_i32((const int32_t *)a, n);
    results[16] = vl_argmax_u8(a, n);
    results[17] = vl_argmax_u16((const uint16_t *)a, n);
    results[18] = vl_argmax_i32((const int32_t *)a, n);
}

/* The counts are known to the JIT, or only their limits. */
SEC("run")
uint64_t known(uint8_t *memory) {
    uint64_t *results = (uint64_t *)(memory + RESULTS_AT);
    all(memory, results, N);
    vl_gemv_i8((int32_t *)(results + 19), (const int8_t *)memory + 1, (const int8_t *)memory + 400, ROWS, COLUMNS);
    vl_fir_i16((int16_t *)(results + 24), (const int16_t *)memory, (const int16_t *)(memory + 700), N, TAPS);
    vl_mem_copy(memory + 1500, memory + 3, N);
    vl_mem_fill(memory + 1601, memory[1], N);
    vl_mem_xor(memory + 1702, memory + 7, N);
    return results[4] ^ results[9];
}

SEC("run")
uint64_t unknown(uint8_t *memory) {
    uint64_t *results = (uint64_t *)(memory + RESULTS_AT), n = memory[2], columns = memory[3];
    if (n == 0 || n > 120 || columns > COLUMNS) { return 0; }
    all(memory, results, n);
    vl_gemv_i8((int32_t *)(results + 19), (const int8_t *)memory + 1, (const int8_t *)memory + 400, ROWS, columns);
    vl_fir_i16((int16_t *)(results + 24), (const int16_t *)memory, (const int16_t *)(memory + 700), n, TAPS);
    vl_mem_copy(memory + 1500, memory + 3, n);
    vl_mem_fill(memory + 1601, memory[1], n);
    vl_mem_xor(memory + 1702, memory + 7, n);
    return results[4] ^ results[9];
}

/* Long enough that the timer interrupts it many times, almost always between two instructions with vectors. */
SEC("run")
uint64_t long_sum(uint8_t *memory) {
    uint64_t sum = 0;
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < 5000; i++) {
        sum = sum * 31 + (uint64_t)vl_dot_i8((const int8_t *)memory, (const int8_t *)memory + 700, 640);
        sum += vl_sum_u16((const uint16_t *)(memory + 8), 400);
    }
    return sum;
}
