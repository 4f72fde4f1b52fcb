/* In from the firmware and out to the Image (UEFI 2.10, 2.3.6: EL2 or EL1, MMU and caches on, memory mapped one to one). */

    .section .text.efi, "ax"
    .global efi_entry
efi_entry:                     /* x0 image handle, x1 system table */
    adrp x2, image_head
    b efi_main                 /* returns to the firmware when the start failed */

/* x0 device tree, x1 start of the Image and of what must reach memory, x2 its end. What the caches still hold of
 * this range would later be written over what the kernel wrote with them off. */
    .global efi_leave
efi_leave:
    msr daifset, #0xf
    mov x19, x0
    mov x20, x1
    bl clean
    adr x1, off                /* the code below is fetched past the caches */
    adr x2, off_end
    bl clean
    mrs x3, CurrentEL
    cmp x3, #(2 << 2)
    mov x4, #0x1005            /* SCTLR_ELx.M, C, I (Arm ARM D19.2) */
    mov x0, x19
    mov x1, xzr
    mov x2, xzr
off:
    b.eq 1f
    mrs x3, sctlr_el1
    bic x3, x3, x4
    msr sctlr_el1, x3
    isb
    tlbi vmalle1
    b 2f
1:  mrs x3, sctlr_el2
    bic x3, x3, x4
    msr sctlr_el2, x3
    isb
    tlbi alle2
2:  ic iallu
    dsb nsh
    isb
    mov x3, xzr
    br x20
off_end:

/* Cleans and invalidates [x1, x2) to the point of coherency. Clobbers x1, x3, x4. */
clean:
    mrs x3, ctr_el0
    ubfx x3, x3, #16, #4       /* DminLine, log2 words */
    mov x4, #4
    lsl x3, x4, x3
    sub x4, x3, #1
    bic x1, x1, x4
1:  dc civac, x1
    add x1, x1, x3
    cmp x1, x2
    b.lo 1b
    dsb sy
    ret
