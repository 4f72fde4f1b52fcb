/* One program of the side-by-side benchmark, the same source everywhere: an eBPF program in section "run", or a C function
 * for the CPU. `memory` is input and output alike and has the size that peers/programs.ts gives; it is 8-byte aligned. A
 * program reads its input where it does not write, so that each of many runs on the same memory does the same work. */
#pragma once

typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;

/* The result is 32 bits wide, as that of XDP programs on Linux is. */
#ifdef __bpf__
#define PROGRAM(name) __attribute__((section("run"), used)) uint32_t name(uint8_t *memory)
#else
#define PROGRAM(name) uint32_t NATIVE(name)(uint8_t *memory)
#define NATIVE(name) NATIVE_(name, SUFFIX)
#define NATIVE_(name, suffix) NATIVE__(name, suffix)
#define NATIVE__(name, suffix) name##suffix
#endif

/* Keeps the compiler from replacing a loop by a formula. */
#define OPAQUE(value) asm volatile("" : "+r"(value))

static inline uint32_t big16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline uint32_t big32(const uint8_t *p) { return big16(p) << 16 | big16(p + 2); }
