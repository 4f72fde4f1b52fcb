/* Exception vectors (Arm ARM D1.4.1). The kernel runs at EL1 with SP_EL1 only.
 *
 * Trap frame (struct fault, smp/guard.h), from sp: 0 ESR, 8 FAR, 16 ELR, 24 SPSR, 32 x0..x30, 280 sp. */

#define FRAME 288
#define STACK_BIT 16 /* set in every valid stack address of a core (mm/layout.h: guard below, 64 KiB stack above) */
#define EMERGENCY_SHIFT 14 /* 16 KiB of emergency stack a core */

    .arch armv8-a+fp

/* A vector for exceptions that are fatal unless guarded: says of what kind they are. Registers of EL0, where nothing runs,
 * hold what must not be lost meanwhile. */
.macro trap number kind
    .section .text.vector.\number, "ax"
vector_\number:                /* has a name, so that the linker does not take alike ones for one */
    msr tpidr_el0, x0
    mov x0, #\kind
    b trap_enter
.endm

    /* boot/kernel.ld puts each 128 bytes behind the one before, and other code into what they leave free. */
    trap 0 0                   /* current EL with SP_EL0: never used */
    trap 1 0
    trap 2 0
    trap 3 0
    trap 4 0                   /* synchronous */
    trap 6 1                   /* FIQ: not enabled */
    trap 7 2                   /* SError */
    trap 8 3                   /* from EL0: there is none */
    trap 9 3
    trap 10 3
    trap 11 3
    trap 12 3
    trap 13 3
    trap 14 3
    trap 15 3

    /* IRQ, a vector full. Saves what a C function may change, vectors included: modules use them, in interrupt context too.
     * Frame: 0 x0..x18, 152 x30, 160 x29, 168 ELR, 176 SPSR, 184 FPSR, 192 v0..v7, 320 v16..v31. FPCR is never changed. */
    .section .text.vector.5, "ax"
    sub sp, sp, #592
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x0, elr_el1
    mrs x1, spsr_el1
    mrs x2, fpsr
    stp x29, x0, [sp, #160]
    stp x1, x2, [sp, #176]
    stp q0, q1, [sp, #192]
    stp q2, q3, [sp, #224]
    stp q4, q5, [sp, #256]
    stp q6, q7, [sp, #288]
    stp q16, q17, [sp, #320]
    stp q18, q19, [sp, #352]
    stp q20, q21, [sp, #384]
    stp q22, q23, [sp, #416]
    stp q24, q25, [sp, #448]
    stp q26, q27, [sp, #480]
    stp q28, q29, [sp, #512]
    stp q30, q31, [sp, #544]
    mov x29, sp
    mov x0, sp                 /* struct interrupt_frame of patch/profile.h */
    bl exception_interrupt
    b interrupt_leave

    .section .text.interrupt_leave, "ax"
interrupt_leave:
    ldp q0, q1, [sp, #192]
    ldp q2, q3, [sp, #224]
    ldp q4, q5, [sp, #256]
    ldp q6, q7, [sp, #288]
    ldp q16, q17, [sp, #320]
    ldp q18, q19, [sp, #352]
    ldp q20, q21, [sp, #384]
    ldp q22, q23, [sp, #416]
    ldp q24, q25, [sp, #448]
    ldp q26, q27, [sp, #480]
    ldp q28, q29, [sp, #512]
    ldp q30, q31, [sp, #544]
    ldp x1, x2, [sp, #176]
    ldp x29, x0, [sp, #160]
    msr fpsr, x2
    msr spsr_el1, x1
    msr elr_el1, x0
    ldp x18, x30, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp]
    add sp, sp, #592
    eret


    .section .text.trap_enter, "ax"
trap_enter:                    /* x0 kind, tpidr_el0 x0 */
    msr tpidrro_el0, x0
    sub sp, sp, #FRAME
    mov x0, sp
    tbz x0, #STACK_BIT, off_stack
on_stack:
    mrs x0, tpidr_el0
    stp x0, x1, [sp, #32]
    stp x2, x3, [sp, #48]
    stp x4, x5, [sp, #64]
    stp x6, x7, [sp, #80]
    stp x8, x9, [sp, #96]
    stp x10, x11, [sp, #112]
    stp x12, x13, [sp, #128]
    stp x14, x15, [sp, #144]
    stp x16, x17, [sp, #160]
    stp x18, x19, [sp, #176]
    stp x20, x21, [sp, #192]
    stp x22, x23, [sp, #208]
    stp x24, x25, [sp, #224]
    stp x26, x27, [sp, #240]
    stp x28, x29, [sp, #256]
    str x30, [sp, #272]
    mrs x1, tpidrro_el0
    b trap_told

/* The stack pointer has left the stack: the frame goes to the core's emergency stack instead. */
    .section .text.trap_told, "ax"
off_stack:
    adr x0, emergency_stacks_end
    sub sp, x0, #FRAME
    mrs x0, tpidr_el1          /* the core's number: core 0 has the topmost */
    lsl x0, x0, #EMERGENCY_SHIFT
    sub sp, sp, x0
    mrs x0, tpidrro_el0
    add x0, x0, #4
    msr tpidrro_el0, x0
    b on_stack
trap_told:
    add x2, sp, #FRAME
    str x2, [sp, #280]
    mrs x2, esr_el1
    mrs x3, far_el1
    stp x2, x3, [sp]
    mrs x2, elr_el1
    mrs x3, spsr_el1
    stp x2, x3, [sp, #16]
    mov x0, sp
    bl exception_trap          /* (frame, kind): the guard frame to unwind to; does not return otherwise */
    mov sp, x0
    b guard_unwind

    .section .noinit, "aw", %nobits
    .balign 16
    .skip 8 << EMERGENCY_SHIFT /* MAX_CORES */
emergency_stacks_end:
