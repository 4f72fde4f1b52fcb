#pragma once
/* What the bare arm64 Linux programs of these tests share: the system call, and the call that checks callee-saved registers. */

#include <stdint.h>

static int64_t system_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
    register int64_t x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

/* Calls code(a, b) with marks in x19..x28 and stores what is changed of them, and of sp, in `lost`. */
uint64_t call_marked(uint64_t code, uint64_t a, uint64_t b, uint64_t *lost);
__asm__(".text\n"
        "call_marked:\n"
        "    stp x29, x30, [sp, #-112]!\n"
        "    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n    stp x23, x24, [sp, #48]\n"
        "    stp x25, x26, [sp, #64]\n    stp x27, x28, [sp, #80]\n    str x3, [sp, #96]\n"
        "    mov x29, sp\n    mov x16, x0\n    mov x0, x1\n    mov x1, x2\n"
        "    mov x19, #1\n    mov x20, #2\n    mov x21, #4\n    mov x22, #8\n    mov x23, #16\n"
        "    mov x24, #32\n    mov x25, #64\n    mov x26, #128\n    mov x27, #256\n    mov x28, #512\n"
        "    blr x16\n"
        "    mov x9, sp\n    sub x9, x9, x29\n    eor x10, x19, #1\n    orr x9, x9, x10\n"
        "    eor x10, x20, #2\n    orr x9, x9, x10\n    eor x10, x21, #4\n    orr x9, x9, x10\n"
        "    eor x10, x22, #8\n    orr x9, x9, x10\n    eor x10, x23, #16\n    orr x9, x9, x10\n"
        "    eor x10, x24, #32\n    orr x9, x9, x10\n    eor x10, x25, #64\n    orr x9, x9, x10\n"
        "    eor x10, x26, #128\n    orr x9, x9, x10\n    eor x10, x27, #256\n    orr x9, x9, x10\n"
        "    eor x10, x28, #512\n    orr x9, x9, x10\n    mov sp, x29\n    ldr x3, [sp, #96]\n    str x9, [x3]\n"
        "    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n    ldp x23, x24, [sp, #48]\n"
        "    ldp x25, x26, [sp, #64]\n    ldp x27, x28, [sp, #80]\n    ldp x29, x30, [sp], #112\n    ret\n");
