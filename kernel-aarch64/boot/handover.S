/* handover(entry, tree): starts another image of this kind, as a loader would (boot/head.S): MMU and data cache off, x0 the
 * device tree, x1..x3 zero, everything masked. Its memory was cleaned to the point of coherency. This code is mapped at its
 * own physical address, so it goes on when the MMU is off. */

#define SCTLR_M_C_I (1 << 0 | 1 << 2 | 1 << 12)

    .text
    .global handover
handover:
    msr daifset, #0xf
    mov x4, x0
    mov x0, x1
    dsb sy
    mrs x5, sctlr_el1
    mov x6, #SCTLR_M_C_I
    bic x5, x5, x6
    msr sctlr_el1, x5
    isb
    ic iallu
    tlbi vmalle1
    dsb sy
    isb
    mov x1, xzr
    mov x2, xzr
    mov x3, xzr
    br x4
