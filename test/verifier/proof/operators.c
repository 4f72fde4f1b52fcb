/* The operators of the scalar domain at 64 bits, each as an eBPF function on memory, so that the proofs are about the code that
 * clang makes of domain.h and small.h. Loop-free ones only: multiplication goes by the bits of a factor. */

#define DOMAIN_LARGE DOMAIN /* functions of eBPF have five arguments, and proofs follow one function */
#include "bpf/verifier/small.h"

struct operands {
    struct scalar a, b;
    uint64_t result; /* of what answers with a number */
    uint64_t k;      /* an operand that is one number */
};

#define CLAIM(name, ...) \
    [[gnu::section("kprobe"), gnu::used]] int name(struct operands *o) { \
        __VA_ARGS__; \
        return 0; \
    }

#define ALU(name, op) \
    CLAIM(full_##name, domain_alu_full(op, false, &o->a, &o->b, 64)) \
    CLAIM(half_##name, domain_alu_half(op, false, &o->a, &o->b, 64)) \
    CLAIM(small_##name, o->result = small_alu(op, &o->a, small_of(&o->b), 64))
ALU(add, BPF_ALU_ADD)
ALU(sub, BPF_ALU_SUB)
ALU(or, BPF_ALU_OR)
ALU(and, BPF_ALU_AND)
ALU(xor, BPF_ALU_XOR)
ALU(lsh, BPF_ALU_LSH)
ALU(rsh, BPF_ALU_RSH)
ALU(arsh, BPF_ALU_ARSH)
CLAIM(full_div, domain_alu_full(BPF_ALU_DIV, false, &o->a, &o->b, 64))
CLAIM(full_mod, domain_alu_full(BPF_ALU_MOD, false, &o->a, &o->b, 64))
CLAIM(half_div, domain_alu_half(BPF_ALU_DIV, false, &o->a, &o->b, 64))
CLAIM(half_mod, domain_alu_half(BPF_ALU_MOD, false, &o->a, &o->b, 64))

#define COMPARISON(name, op) \
    CLAIM(compare64_##name, o->result = domain_compare(op, bits_of(&o->a), bits_of(&o->b), range_full(&o->a), range_full(&o->b))) \
    CLAIM(compare32_##name, \
          o->result = domain_compare(op, bits_low(bits_of(&o->a), 32), bits_low(bits_of(&o->b), 32), range_sub(&o->a), range_sub(&o->b))) \
    CLAIM(assume64_##name, o->result = domain_assume_full(op, &o->a, &o->b, 64)) \
    CLAIM(assume32_##name, o->result = domain_assume_half(op, &o->a, &o->b, 64)) \
    CLAIM(small_compare_##name, o->result = small_compare(op, &o->a, o->k)) \
    CLAIM(small_assume_##name, o->result = small_assume(op, &o->a, o->k))
COMPARISON(jeq, BPF_JMP_JEQ)
COMPARISON(jne, BPF_JMP_JNE)
COMPARISON(jgt, BPF_JMP_JGT)
COMPARISON(jge, BPF_JMP_JGE)
COMPARISON(jlt, BPF_JMP_JLT)
COMPARISON(jle, BPF_JMP_JLE)
COMPARISON(jsgt, BPF_JMP_JSGT)
COMPARISON(jsge, BPF_JMP_JSGE)
COMPARISON(jslt, BPF_JMP_JSLT)
COMPARISON(jsle, BPF_JMP_JSLE)
COMPARISON(jset, BPF_JMP_JSET)
COMPARISON(jnset, SCALAR_NOT_SET)

CLAIM(sync, o->result = domain_sync(&o->a, 64))
/* What it does to a number in its turn; each on its own, as all at once is more than Z3 decides. */
static struct bits with_range(struct bits known, struct bits range, uint64_t *feasible) {
    *feasible = bits_narrow(&known, range);
    return known;
}
static void put_bits(struct scalar *s, struct bits b) {
    s->value = b.value;
    s->mask = b.mask;
}
static struct bits low_range(const struct scalar *s) {
    struct bits low = bits_of_range(s->umin32, s->umax32);
    low.mask |= ~width_max(32);
    return low;
}
CLAIM(sync_const, domain_const(&o->a, o->a.value, 64))
CLAIM(sync_small, o->result = domain_sync_small(&o->a))
CLAIM(sync_bits_full, put_full(&o->a, range_with_bits(range_full(&o->a), bits_of(&o->a), 64)))
CLAIM(sync_bits_half, put_sub(&o->a, range_with_bits(range_sub(&o->a), bits_low(bits_of(&o->a), 32), 32)))
CLAIM(sync_crossed_full, put_full(&o->a, range_crossed(range_full(&o->a), 64)))
CLAIM(sync_crossed_half, put_sub(&o->a, range_crossed(range_sub(&o->a), 32)))
CLAIM(sync_side_full, put_full(&o->a, range_on_one_side(range_full(&o->a), 64)))
CLAIM(sync_side_half, put_sub(&o->a, range_on_one_side(range_sub(&o->a), 32)))
CLAIM(sync_half_from_full, put_sub(&o->a, sub_from_full(range_sub(&o->a), range_full(&o->a), 64)))
CLAIM(sync_full_from_half, put_full(&o->a, full_from_sub(range_full(&o->a), range_sub(&o->a), 64)))
CLAIM(sync_range_full, put_bits(&o->a, with_range(bits_of(&o->a), bits_of_range(o->a.umin, o->a.umax), &o->result)))
CLAIM(sync_range_half, put_bits(&o->a, with_range(bits_of(&o->a), low_range(&o->a), &o->result)))
CLAIM(zero_extend, domain_zero_extend(&o->a, 64))
CLAIM(sign_extend_8, domain_sign_extend(&o->a, 8, 64))
CLAIM(sign_extend_16, domain_sign_extend(&o->a, 16, 64))
CLAIM(sign_extend_32, domain_sign_extend(&o->a, 32, 64))
CLAIM(truncate_8, domain_truncate(&o->a, 8, 64))
CLAIM(truncate_16, domain_truncate(&o->a, 16, 64))
CLAIM(truncate_32, domain_truncate(&o->a, 32, 64))
