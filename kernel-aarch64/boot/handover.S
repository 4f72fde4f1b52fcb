/* handover(entry, tree): starts another image of this kind, as a loader would (boot/head.S): MMU and data cache off, x0 the
 * device tree, x1..x3 zero, everything masked. Its memory was cleaned to the point of coherency. This code is mapped at its
 * own physical address, so it goes on when the MMU is off. Other cores come through here to the parking. */

#define SCTLR_M_C_I (1 << 0 | 1 << 2 | 1 << 12)

    .section .text.entry, "ax"
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

/* Copied to where the next image leaves room for it: waits as a loader's spin table does (Devicetree Specification 0.4,
 * §3.8.1) until the word at x0 holds an address, then goes there. */
    .global parking, parking_end
parking:
    wfe
    ldr x4, [x0]
    cbz x4, parking
    mov x0, xzr
    br x4
parking_end:
