/* A matrix of 64 × 64 int8 times a vector. A program gets 2 KiB here, so the rows overlap in memory: each begins 24 bytes behind the
 * one before. They are loaded and multiplied as any others. With -DVECTOR each row is one call of a vector helper. */
#include "program.h"

#ifdef VECTOR
#include "velocity.h"
#endif

enum { SIZE = 64, ROW_BYTES = 24, VECTOR_AT = 1600, OUTPUT_AT = VECTOR_AT + SIZE };

PROGRAM(gemv) {
    const int8_t *matrix = (const int8_t *)memory;
    const int8_t *vector = (const int8_t *)(memory + VECTOR_AT);
    int32_t *output = (int32_t *)(memory + OUTPUT_AT);
    int32_t all = 0;
    for (uint32_t row = 0; row < SIZE; row++) {
#ifdef VECTOR
        int32_t sum = (int32_t)vl_dot_i8(matrix + row * ROW_BYTES, vector, SIZE);
#else
        int32_t sum = 0;
        for (uint32_t column = 0; column < SIZE; column++) { sum += matrix[row * ROW_BYTES + column] * vector[column]; }
#endif
        output[row] = sum;
        all ^= sum;
    }
    return (uint32_t)all;
}
