/** eBPF on the host: instructions, assembler, ELF loading, and the kernel's own verifier, JIT and interpreter. */
export * from './instruction.ts';
