/* One program for each vector helper, chosen by -DONLY_name: with -DVECTOR it calls the helper, else it is the loop that does
 * the same work. Inputs lie from 0 on; what is written lies behind them. -DCOUNT=n gives those with one count n elements. */
#include "program.h"

#ifdef VECTOR
#include "velocity.h"
#define WORK(helper, loop) helper
#else
#define WORK(helper, loop) loop
#endif

/* What the input is: elements of a type at an offset. */
#define AT(type, offset) ((type *)(memory + (offset)))
#define EACH(n) for (uint32_t i = 0; i < (n); i++)

#define BYTES 960u
#define SECOND_AT 1024u
#ifdef COUNT
#define OR_COUNT(n) (uint32_t)(COUNT)
#else
#define OR_COUNT(n) (n)
#endif

#ifdef ONLY_v_mem_copy
PROGRAM(v_mem_copy) {
    WORK(vl_mem_copy(memory + SECOND_AT, memory, OR_COUNT(BYTES)), EACH(OR_COUNT(BYTES)) { memory[SECOND_AT + i] = memory[i]; });
    return 0;
}
#endif

#ifdef ONLY_v_mem_fill
PROGRAM(v_mem_fill) {
    WORK(vl_mem_fill(memory + SECOND_AT, memory[0], OR_COUNT(BYTES)), uint8_t byte = memory[0]; EACH(OR_COUNT(BYTES)) { memory[SECOND_AT + i] = byte; });
    return 0;
}
#endif

#ifdef ONLY_v_mem_xor
PROGRAM(v_mem_xor) {
    WORK(vl_mem_xor(memory + SECOND_AT, memory, OR_COUNT(BYTES)), EACH(OR_COUNT(BYTES)) { memory[SECOND_AT + i] ^= memory[i]; });
    return 0;
}
#endif

#ifdef ONLY_v_mem_compare
PROGRAM(v_mem_compare) {
    WORK(return (uint32_t)vl_mem_compare(memory, memory + SECOND_AT, OR_COUNT(BYTES)), EACH(OR_COUNT(BYTES)) {
        if (memory[i] != memory[SECOND_AT + i]) { return (uint32_t)(memory[i] - memory[SECOND_AT + i]); }
    });
    return 0;
}
#endif

#ifdef ONLY_v_mem_find
PROGRAM(v_mem_find) {
    WORK(return (uint32_t)vl_mem_find(memory, OR_COUNT(2 * BYTES), 0x5a), EACH(OR_COUNT(2 * BYTES)) {
        if (memory[i] == 0x5a) { return i; }
    });
    return (uint32_t)-1;
}
#endif

#ifdef ONLY_v_checksum
enum { FRAME = OR_COUNT(1500) };
PROGRAM(v_checksum) {
    WORK(return (uint32_t)vl_checksum(memory, FRAME, 0), uint32_t sum = 0; EACH(FRAME / 2) { sum += AT(uint16_t, 0)[i]; }
         sum = (sum & 0xffff) + (sum >> 16); return (sum & 0xffff) + (sum >> 16));
}
#endif

#ifdef ONLY_v_crc32
/* The table lies at 1024, as fast as it goes without the CPU's instruction and 4 KiB more. */
PROGRAM(v_crc32) {
    WORK(return (uint32_t)vl_crc32(memory, OR_COUNT(BYTES), 0), uint32_t crc = ~0u;
         EACH(OR_COUNT(BYTES)) { crc = crc >> 8 ^ AT(uint32_t, 1024)[(crc ^ memory[i]) & 255]; } return ~crc);
}
#endif

#define SUM(name, helper, type, wide, n) \
    PROGRAM(name) { \
        WORK(return (uint32_t)helper(AT(type, 0), n), wide sum = 0; EACH(n) { sum += AT(type, 0)[i]; } return (uint32_t)sum); \
    }
#ifdef ONLY_v_sum_u8
SUM(v_sum_u8, vl_sum_u8, uint8_t, uint64_t, OR_COUNT(2 * BYTES))
#endif
#ifdef ONLY_v_sum_u16
SUM(v_sum_u16, vl_sum_u16, uint16_t, uint64_t, OR_COUNT(BYTES))
#endif
#ifdef ONLY_v_sum_i32
SUM(v_sum_i32, vl_sum_i32, int32_t, int64_t, OR_COUNT(BYTES / 2))
#endif

#ifdef ONLY_v_dot_i8
PROGRAM(v_dot_i8) {
    WORK(return (uint32_t)vl_dot_i8(AT(int8_t, 0), AT(int8_t, SECOND_AT), OR_COUNT(BYTES)), int32_t sum = 0;
         EACH(OR_COUNT(BYTES)) { sum += AT(int8_t, 0)[i] * AT(int8_t, SECOND_AT)[i]; } return (uint32_t)sum);
}
#endif

#ifdef ONLY_v_dot_i16
PROGRAM(v_dot_i16) {
    WORK(int64_t sum = vl_dot_i16(AT(int16_t, 0), AT(int16_t, SECOND_AT), OR_COUNT(BYTES / 2)), int64_t sum = 0;
         EACH(OR_COUNT(BYTES / 2)) { sum += AT(int16_t, 0)[i] * AT(int16_t, SECOND_AT)[i]; });
    return (uint32_t)sum ^ (uint32_t)((uint64_t)sum >> 32);
}
#endif

#ifdef ONLY_v_gemv_i8
enum { ROWS = 32, COLUMNS = 48, VECTOR_AT = ROWS * COLUMNS, OUTPUT_AT = VECTOR_AT + COLUMNS };
PROGRAM(v_gemv_i8) {
    WORK(vl_gemv_i8(AT(int32_t, OUTPUT_AT), AT(int8_t, 0), AT(int8_t, VECTOR_AT), ROWS, COLUMNS),
         for (uint32_t row = 0; row < ROWS; row++) {
             int32_t sum = 0;
             EACH(COLUMNS) { sum += AT(int8_t, 0)[row * COLUMNS + i] * AT(int8_t, VECTOR_AT)[i]; }
             AT(int32_t, OUTPUT_AT)[row] = sum;
         });
    return 0;
}
#endif

#ifdef ONLY_v_fir_i16
enum { OUTPUTS = 128, TAPS = 16, WEIGHTS_AT = 2 * (OUTPUTS + TAPS), FILTERED_AT = WEIGHTS_AT + 2 * TAPS };
PROGRAM(v_fir_i16) {
    WORK(vl_fir_i16(AT(int16_t, FILTERED_AT), AT(int16_t, 0), AT(int16_t, WEIGHTS_AT), OUTPUTS, TAPS), EACH(OUTPUTS) {
        int32_t sum = 1 << 14;
        for (uint32_t k = 0; k < TAPS; k++) { sum += AT(int16_t, 0)[i + k] * AT(int16_t, WEIGHTS_AT)[k]; }
        int32_t rounded = sum >> 15;
        AT(int16_t, FILTERED_AT)[i] = (int16_t)(rounded > 32767 ? 32767 : rounded < -32768 ? -32768 : rounded);
    });
    return 0;
}
#endif

#define BEST(name, helper, type, n, better) \
    PROGRAM(name) { \
        WORK(return (uint32_t)helper(AT(type, 0), n), type best = AT(type, 0)[0]; EACH(n) { \
            type next = AT(type, 0)[i]; \
            best = next better best ? next : best; \
        } return (uint32_t)best); \
    }
#ifdef ONLY_v_min_u8
BEST(v_min_u8, vl_min_u8, uint8_t, OR_COUNT(2 * BYTES), <)
#endif
#ifdef ONLY_v_min_u16
BEST(v_min_u16, vl_min_u16, uint16_t, OR_COUNT(BYTES), <)
#endif
#ifdef ONLY_v_min_i32
BEST(v_min_i32, vl_min_i32, int32_t, OR_COUNT(BYTES / 2), <)
#endif
#ifdef ONLY_v_max_u8
BEST(v_max_u8, vl_max_u8, uint8_t, OR_COUNT(2 * BYTES), >)
#endif
#ifdef ONLY_v_max_u16
BEST(v_max_u16, vl_max_u16, uint16_t, OR_COUNT(BYTES), >)
#endif
#ifdef ONLY_v_max_i32
BEST(v_max_i32, vl_max_i32, int32_t, OR_COUNT(BYTES / 2), >)
#endif

#define FIRST_BEST(name, helper, type, n) \
    PROGRAM(name) { \
        WORK(return (uint32_t)helper(AT(type, 0), n), type best = AT(type, 0)[0]; uint32_t index = 0; EACH(n) { \
            if (AT(type, 0)[i] > best) { \
                best = AT(type, 0)[i]; \
                index = i; \
            } \
        } return index); \
    }
#ifdef ONLY_v_argmax_u8
FIRST_BEST(v_argmax_u8, vl_argmax_u8, uint8_t, OR_COUNT(2 * BYTES))
#endif
#ifdef ONLY_v_argmax_u16
FIRST_BEST(v_argmax_u16, vl_argmax_u16, uint16_t, OR_COUNT(BYTES))
#endif
#ifdef ONLY_v_argmax_i32
FIRST_BEST(v_argmax_i32, vl_argmax_i32, int32_t, OR_COUNT(BYTES / 2))
#endif

#ifdef ONLY_v_histogram_u8
PROGRAM(v_histogram_u8) {
    WORK(vl_histogram_u8(AT(uint32_t, SECOND_AT), memory, OR_COUNT(BYTES)), EACH(OR_COUNT(BYTES)) { AT(uint32_t, SECOND_AT)[memory[i]]++; });
    return 0;
}
#endif
