/* Entry, from any loader: Linux arm64 boot protocol (Documentation/arch/arm64/booting.rst), EL2 or EL1, MMU off,
 * x0 = device tree. And the entry of the other cores.
 *
 * Registers until C starts: x19 device tree, x20 image base, x21 core id, x22 x0 as it came, x23 exception level at entry,
 * x24..x27 scratch across calls.
 * Only aligned accesses: with the MMU off all memory is of device type. */

#define SCTLR_RESET 0x30d00800 /* RES1 bits of SCTLR_EL1, everything off (Arm ARM D19.2.131) */
#define SCTLR_RUN (SCTLR_RESET | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19) /* M, C, SA, I, WXN */
#define STACK_STRIDE_SHIFT 17 /* mm/layout.h: guard below, stack above, 64 KiB each */
#define STACKS_VA 0x4000100000

    .section .head, "ax"
    .global image_head
image_head:
    .inst 0xfa405a4d           /* ccmp x18, #0, #0xd, pl: harmless, and "MZ" of a PE file */
    b primary_entry
    .quad 0                    /* text_offset */
    .quad __image_size         /* with bss and pools */
    .quad 0xa                  /* little endian, 4 KiB pages, anywhere in memory at a 2 MiB boundary */
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .word pe_header - image_head

/* The same file as an EFI application (PE/COFF specification, sections 3 and 4; UEFI 2.10, 2.1.1): code, data that is never
 * executable, and the code beside these headers, which boot/efi.c finds by the last section's header, at 0x148. */
pe_header:
    .ascii "PE\0\0"
    .short 0xaa64              /* Machine: AArch64 */
    .short 3                   /* NumberOfSections */
    .word 0, 0, 0              /* TimeDateStamp: none, so that builds repeat; no symbols */
    .short pe_sections - pe_optional
    .short 0x206               /* executable, no line numbers, no debug information */
pe_optional:
    .short 0x20b               /* PE32+ */
    .byte 0, 0                 /* linker version */
    .word __pe_text_bytes      /* SizeOfCode */
    .word __pe_data_bytes      /* SizeOfInitializedData */
    .word 0
    .word efi_entry - image_head
    .word 0x1000               /* BaseOfCode */
    .quad 0                    /* ImageBase: anywhere; nothing is relocated before the copy that boot/efi.c makes */
    .word 0x1000, 0x200        /* SectionAlignment, FileAlignment */
    .short 0, 0, 0, 0, 0, 0    /* versions of system, image, subsystem */
    .word 0
    .word __pe_image_bytes     /* SizeOfImage: what follows in memory is allocated by boot/efi.c */
    .word 0x200                /* SizeOfHeaders */
    .word 0                    /* CheckSum */
    .short 10, 0x100           /* EFI application; no page needs to be both writable and executable */
    .quad 0, 0, 0, 0           /* stack and heap */
    .word 0
    .word 6                    /* data directories, all empty */
    .quad 0, 0, 0, 0, 0, 0
pe_sections:
    .ascii ".text\0\0\0"
    .word __pe_text_bytes, 0x1000, __pe_text_bytes, 0x1000 /* size and address in memory, then in the file */
    .word 0, 0, 0
    .word 0x60000020           /* code, readable, executable */
    .ascii ".data\0\0\0"
    .word __pe_data_bytes, __pe_data, __pe_data_bytes, __pe_data
    .word 0, 0, 0
    .word 0xc0000040           /* initialized data, readable, writable */
    .ascii ".entry\0\0"
    .word 0xe00, __pe_entry, 0xe00, 0x200
    .word 0, 0, 0
    .word 0x60000020

    .section .text.entry, "ax"
primary_entry:
    msr daifset, #0xf
    mov x19, x0
    mov x22, x0
    mrs x23, CurrentEL
    bl counters_start
    bl leave_el2
    adrp x20, __image_start
    /* Apply the relative relocations (RELR, System V gABI "Relative Relocation Table"): an even entry is the offset of a
     * word to relocate, an odd one a map of the 63 words behind what came before. */
    adr x1, __relr_start
    adr x2, __relr_end
1:  cmp x1, x2
    b.hs 6f
    ldr x3, [x1], #8
    tbnz x3, #0, 2f
    add x4, x3, x20
    ldr x5, [x4]
    add x5, x5, x20
    str x5, [x4], #8
    b 1b
2:  mov x6, x4
3:  lsr x3, x3, #1
    cbz x3, 5f
    tbz x3, #0, 4f
    ldr x5, [x6]
    add x5, x5, x20
    str x5, [x6]
4:  add x6, x6, #8
    b 3b
5:  add x4, x4, #(63 * 8)
    b 1b
6:  adrp x0, vectors
    add x0, x0, :lo12:vectors
    msr vbar_el1, x0
    adr x0, early_stack_top
    mov sp, x0
    mov x29, xzr
    mov x21, xzr
    msr tpidr_el1, xzr
    mov x0, x19
    bl map_early               /* returns the size of a believable device tree, else 0 */
    cmp x0, #0
    csel x19, x19, xzr, ne
    lsr x23, x23, #2
    stp x22, x0, [sp, #-32]!   /* struct early_entry: x0, tree_bytes, el */
    str x23, [sp, #16]
    mov x0, sp
    bl early_start
    add sp, sp, #32
    /* What was written with the MMU off must not be hidden by stale cache lines. */
    adr x0, __relocated_start
    adr x1, __file_end
    bl forget_cached
    adrp x0, __noinit_start
    adrp x1, __noinit_end
    bl forget_cached
    bl mmu_on
    adr x0, __bss_start
    adr x1, __bss_end
    bl clear
    bl take_stack
    mov x0, x19
    bl kernel_main
    b park

    .section .text.secondary_entry, "ax"
    .global secondary_entry
secondary_entry:
    msr daifset, #0xf
    bl counters_start
    bl leave_el2
    adrp x20, __image_start
    adr x0, vectors
    msr vbar_el1, x0
    /* Which core am I? The primary left the affinities, cleaned to memory (smp/core.c). */
    mrs x0, mpidr_el1
    bic x0, x0, #0xff000000    /* leaves Aff3 and Aff2..Aff0 */
    ubfx x0, x0, #0, #40
    adr x1, core_affinity
    mov x21, #1
1:  ldr x2, [x1, x21, lsl #3]
    cmp x2, x0
    b.eq 2f
    add x21, x21, #1
    cmp x21, #8                /* MAX_CORES */
    b.lo 1b
    b park
2:  msr tpidr_el1, x21
    bl mmu_on
    bl take_stack
    bl secondary_main
    b park

    .section .text.park, "ax"
    .global park
park:
    msr daifset, #0xf
1:  wfi
    b 1b

    .section .text.counters_start, "ax"
/* Starts the cycle counter at zero, counting in every exception level (Arm ARM D13: PMCR_EL0, PMCCFILTR_EL0).
 * Clobbers x0, x1. */
counters_start:
    mrs x0, id_aa64dfr0_el1
    ubfx x0, x0, #8, #4        /* PMUVer: 0 none, 15 not architected */
    cbz x0, 2f
    cmp x0, #15
    b.eq 2f
    mrs x1, CurrentEL
    cmp x1, #(2 << 2)
    b.ne 1f
    mrs x0, pmcr_el0
    ubfx x0, x0, #11, #5       /* N: all event counters belong to EL1 */
    msr mdcr_el2, x0           /* no traps, counting in EL2 not prohibited */
1:  mov x0, #(1 << 27)         /* NSH: count in EL2 as well */
    msr pmccfiltr_el0, x0
    mov x0, #(1 << 31)
    msr pmcntenset_el0, x0
    mov x0, #0x47              /* LC, C (reset cycles), P (reset events), E */
    msr pmcr_el0, x0
    isb
2:  ret

    .section .text.leave_el2, "ax"
/* From EL2 to EL1h with everything masked; at EL1 only the shared part. Parks at EL3. Clobbers x0, x1. */
leave_el2:
    mrs x0, CurrentEL
    cmp x0, #(2 << 2)
    b.lo 1f
    b.hi park
    mov x0, #(1 << 31)         /* HCR_EL2.RW: EL1 is AArch64; nothing trapped, no second stage */
    msr hcr_el2, x0
    isb                        /* until E2H is off, sctlr_el1 means that of EL2 (Arm ARM D19.2.131) */
1:  mov x0, #(SCTLR_RESET & 0xffff)
    movk x0, #(SCTLR_RESET >> 16), lsl #16
    msr sctlr_el1, x0
    b.lo at_el1
    mov x0, #3                 /* CNTHCTL_EL2: EL1 may use the physical counter and timer */
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    mov x0, #0x33ff            /* CPTR_EL2: RES1 only, no trap of floating point */
    msr cptr_el2, x0
    msr hstr_el2, xzr
    msr vttbr_el2, xzr
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    b leave_el2_rest

    .section .text.leave_el2_rest, "ax"
leave_el2_rest:
    mrs x0, id_aa64pfr0_el1
    ubfx x0, x0, #24, #4       /* GIC system registers implemented? */
    cbz x0, 1f
    mrs x0, s3_4_c12_c9_5      /* ICC_SRE_EL2: SRE, and EL1 may set its own */
    orr x0, x0, #8
    orr x0, x0, #1
    msr s3_4_c12_c9_5, x0
    isb
    mrs x0, s3_4_c12_c9_5
    tbz x0, #0, 1f
    msr s3_4_c12_c11_0, xzr    /* ICH_HCR_EL2 */
1:  mov x0, #0x3c5             /* SPSR: EL1h, DAIF masked */
    msr spsr_el2, x0
    adr x0, at_el1
    msr elr_el2, x0
    eret
at_el1:
    mov x0, #(3 << 20)         /* CPACR_EL1.FPEN: vectors at EL1 */
    msr cpacr_el1, x0
    msr mdscr_el1, xzr
    isb
    ret

    .section .text.forget_cached, "ax"
/* Invalidates the data cache for [x0, x1) to the point of coherency. Clobbers x0, x2, x3. */
forget_cached:
    mrs x2, ctr_el0
    ubfx x2, x2, #16, #4       /* DminLine, log2 words */
    mov x3, #4
    lsl x2, x3, x2
    sub x3, x2, #1
    bic x0, x0, x3
    dsb sy
1:  dc ivac, x0
    add x0, x0, x2
    cmp x0, x1
    b.lo 1b
    dsb sy
    ret

    .section .text.mmu_on, "ax"
/* Turns on MMU and caches with the tables that map_early() made. Clobbers x0, x1. */
mmu_on:
    ic iallu
    tlbi vmalle1
    dsb nsh
    mov x0, #0xff00            /* MAIR: 0 device nGnRnE, 1 normal write-back, 2 normal uncached (mm/map.c) */
    movk x0, #0x0044, lsl #16
    msr mair_el1, x0
    mrs x0, id_aa64mmfr0_el1
    and x0, x0, #7             /* PARange as IPS; 52 bits need more than this */
    mov x1, #5
    cmp x0, x1
    csel x0, x0, x1, lo
    lsl x0, x0, #32
    mov x1, #0x3519            /* TCR: T0SZ 25 (39 bits), walks write-back inner shareable, 4 KiB */
    movk x1, #0x0080, lsl #16  /* EPD1: no upper half */
    orr x0, x0, x1
    msr tcr_el1, x0
    adr x0, root_table
    msr ttbr0_el1, x0
    isb
    mov x0, #(SCTLR_RUN & 0xffff)
    movk x0, #(SCTLR_RUN >> 16), lsl #16
    msr sctlr_el1, x0
    isb
    ret

    .section .text.clear, "ax"
/* Zeroes [x0, x1), both 64-byte aligned. Clobbers x0, x2, x3. */
clear:
    mrs x2, dczid_el0
    tbnz x2, #4, 2f            /* DZP: DC ZVA prohibited */
    and x2, x2, #15
    cmp x2, #4                 /* blocks of 64 bytes, which all our cores have; others take the long way */
    b.ne 2f
1:  cmp x0, x1
    b.hs 3f
    dc zva, x0
    add x0, x0, #64
    b 1b
2:  cmp x0, x1
    b.hs 3f
    stp xzr, xzr, [x0]
    stp xzr, xzr, [x0, #16]
    stp xzr, xzr, [x0, #32]
    stp xzr, xzr, [x0, #48]
    add x0, x0, #64
    b 2b
3:  ret

    .section .text.take_stack, "ax"
/* The stack of core x21, at its top and cleared, so that its deepest use can be found (smp/core.c). Clobbers x0 to x3. */
take_stack:
    mov x0, #(STACKS_VA & 0xffff)
    movk x0, #((STACKS_VA >> 16) & 0xffff), lsl #16
    movk x0, #(STACKS_VA >> 32), lsl #32
    add x1, x21, #1
    add x1, x0, x1, lsl #STACK_STRIDE_SHIFT
    sub x0, x1, #16, lsl #12   /* STACK_BYTES */
    mov sp, x1
    mov x29, xzr
    b clear

    .section .velocity.policy, "a"
    .global velocity_policy
velocity_policy:
    .skip 768                  /* POLICY_BYTES: the firmware step puts the policy here (abi/policy.ts) */

    .section .noinit, "aw", %nobits
    .balign 16
    .skip 16384                /* a walk over the device tree */
early_stack_top:
