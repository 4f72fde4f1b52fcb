/* guard_call (smp/guard.h).
 *
 * Frame, from sp: 0 x29 x30, 16 x19..x28, 96 d8..d15, 160 outer guard, 176 result, fault.
 * guard_top[core] points to the innermost frame; the exception handler reads the fault pointer from it. */

#define FRAME 192
#define STATUS_MODULE_FAULT 276 /* gen/abi_status.h; checked in boot/exceptions.c */

    .arch armv8-a+fp
    .section .text.entry, "ax"
    .global guard_call
guard_call:
    stp x29, x30, [sp, #-FRAME]!
    mov x29, sp
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mrs x9, tpidr_el1
    adr x10, guard_top
    add x10, x10, x9, lsl #3
    ldr x11, [x10]
    str x11, [sp, #160]
    stp x3, x4, [sp, #176]
    mov x11, sp
    str x11, [x10]
    mov x9, x0
    mov x0, x1
    mov x1, x2
    blr x9
    ldr x11, [sp, #176]
    str x0, [x11]
    mov w0, #0
guard_leave:
    mrs x9, tpidr_el1
    adr x10, guard_top
    ldr x11, [sp, #160]
    str x11, [x10, x9, lsl #3]
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp x29, x30, [sp], #FRAME
    ret

/* The exception handler returns here, with sp at the frame of the innermost guard. Interrupts stay as they were at the fault:
 * patch/profile.c masks them once it has its sample, whose interrupt waits still. */
    .global guard_unwind
guard_unwind:
    mrs x12, spsr_el1          /* D, A, I and F are where DAIF has them */
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    mov w0, #STATUS_MODULE_FAULT
    msr daif, x12
    b guard_leave

    .bss
    .balign 64
    .global guard_top
guard_top:
    .skip 64                   /* MAX_CORES pointers */
