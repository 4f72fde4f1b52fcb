/* A kernel that comes to its entries as from firmware that has set no register which the boot protocol leaves open. Those of the
 * Arm ARM (D19) whose value after a reset is unknown hold what does most harm; at EL2 the names of EL1's mean those of EL2
 * (HCR_EL2.E2H), as firmware may leave it that uses the virtualization host extensions. */

__asm__(".pushsection .text.spoil, \"ax\"\n"
        "spoil:\n"
        "    mov x9, #-1\n"
        "    msr vbar_el1, x9\n"
        "    msr ttbr0_el1, x9\n"
        "    msr ttbr1_el1, x9\n"
        "    msr tcr_el1, x9\n"
        "    msr mair_el1, x9\n"
        "    msr contextidr_el1, x9\n"
        "    msr tpidr_el1, x9\n"
        "    msr cpacr_el1, xzr\n"            /* vectors trap */
        "    mov x10, #0xa001\n"
        "    msr mdscr_el1, x10\n"            /* single steps */
        "    mov x10, #1\n"
        "    msr cntv_cval_el0, xzr\n"
        "    msr cntv_ctl_el0, x10\n"         /* both timers have fired */
        "    msr cntp_cval_el0, xzr\n"
        "    msr cntp_ctl_el0, x10\n"
        "    msr pmcr_el0, xzr\n"
        "    msr pmccfiltr_el0, x9\n"
        "    mrs x10, CurrentEL\n"
        "    cmp x10, #(2 << 2)\n"
        "    b.ne 1f\n"
        "    msr sctlr_el1, x9\n"             /* MMU on */
        "    msr cptr_el2, x9\n"
        "    msr hstr_el2, x9\n"
        "    msr cnthctl_el2, xzr\n"
        "    msr cnthp_cval_el2, xzr\n"
        "    mov x10, #1\n"
        "    msr cnthp_ctl_el2, x10\n"
        "    msr cntvoff_el2, x9\n"
        "    msr vttbr_el2, x9\n"
        "    msr vtcr_el2, x9\n"
        "    msr vpidr_el2, xzr\n"
        "    msr vmpidr_el2, x9\n"
        "    mov x10, #0xfe0\n"
        "    msr mdcr_el2, x10\n"             /* debug and counters trap, no counter is EL1's */
        "    mrs x10, id_aa64pfr0_el1\n"
        "    tst x10, #(15 << 24)\n"
        "    b.eq 2f\n"
        "    mrs x10, s3_4_c12_c9_5\n"        /* ICC_SRE_EL2 */
        "    bic x10, x10, #8\n"              /* EL1 may not use the registers of its interrupt controller */
        "    msr s3_4_c12_c9_5, x10\n"
        "    isb\n"
        "    msr s3_4_c12_c11_0, x9\n"        /* ICH_HCR_EL2 */
        "2:  mov x10, #0x003f\n"              /* HCR_EL2: VM, SWIO, PTW, FMO, IMO, AMO */
        "    movk x10, #0x8c08, lsl #16\n"    /* TSC, TVM, TGE, RW */
        "    movk x10, #0x0004, lsl #32\n"    /* E2H */
        "    msr hcr_el2, x10\n"
        "1:  isb\n"
        "    ret\n"
        ".global spoiled_primary, spoiled_primary_end\n"
        "spoiled_primary:\n"                  /* the test has the Image begin here */
        "    bl spoil\n"
        "spoiled_primary_end:\n"
        "    brk #0\n"                        /* and puts the branch to the entry here */
        ".global __wrap_secondary_entry\n"
        "__wrap_secondary_entry:\n"
        "    bl spoil\n"
        "    b __real_secondary_entry\n"
        ".popsection\n");
