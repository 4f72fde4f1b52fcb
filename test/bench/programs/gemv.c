/* A matrix of 32 × 32 int8 times a vector: as much of a 64 × 64 layer as fits the 2 KiB that a program gets here. */
#include "program.h"

enum { SIZE = 32, VECTOR_AT = SIZE * SIZE, OUTPUT_AT = VECTOR_AT + SIZE };

PROGRAM(gemv) {
    const int8_t *matrix = (const int8_t *)memory;
    const int8_t *vector = (const int8_t *)(memory + VECTOR_AT);
    int32_t *output = (int32_t *)(memory + OUTPUT_AT);
    int32_t all = 0;
    for (uint32_t row = 0; row < SIZE; row++) {
        int32_t sum = 0;
        for (uint32_t column = 0; column < SIZE; column++) { sum += matrix[row * SIZE + column] * vector[column]; }
        output[row] = sum;
        all ^= sum;
    }
    return (uint32_t)all;
}
