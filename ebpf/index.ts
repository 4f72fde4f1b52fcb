/** eBPF on the host: instructions, assembler, ELF loading, and the kernel's own verifier, JIT and interpreter. */
export * from './assembler.ts';
export { CompileError } from './clang.ts';
export * from './compile.ts';
export * from './disassembler.ts';
export * from './elf/index.ts';
export * from './instruction.ts';
export * from './object-report.ts';
export * from './program-hash.ts';
export * from './wasm/index.ts';
