#include "certificates.h"

#include "bpf/checker/checker.h"
#include "forge.h"
#include "generator.h"
#include "infer.h"
#include "random.h"
#include "report.h"
#include "shapes.h"
#include <stdlib.h>
#include <string.h>

enum { INFER_BYTES = 16 * 1024 * 1024, INFER_STEPS = 300'000, CHECK_STEPS = 20'000, DAMAGES = 6, LONGEST = 32 * 1024 };

struct certificate_oracle {
    struct certificate_hooks hooks;
    struct generated generated, base; /* base: what forged certificates are made after */
    struct forger *forger;
    struct bpf_facts facts, unobserved;
    void *infer_memory;
    alignas(16) uint8_t check_memory[CHECKER_WORKSPACE_BYTES];
    uint8_t bytes[LONGEST + 8], damaged[LONGEST + 8];
    uint32_t size;
};

struct certificate_oracle *certificates_open(const struct certificate_hooks *hooks) {
    struct certificate_oracle *o = aligned_alloc(16, (sizeof(*o) + 15) & ~(size_t)15);
    o->hooks = *hooks;
    o->size = 0;
    o->forger = forger_open();
    o->infer_memory = aligned_alloc(16, INFER_BYTES);
    return o;
}

void certificates_close(struct certificate_oracle *o) {
    forger_close(o->forger);
    free(o->infer_memory);
    free(o);
}

static bool infer(struct certificate_oracle *o) {
    struct verifier_workspace workspace = {o->infer_memory, INFER_BYTES, INFER_STEPS};
    struct verifier_result result;
    struct certificate certificate;
    enum status status = bpf_infer(&o->generated.program, &workspace, &o->facts, &result, &certificate, nullptr);
    if (status != STATUS_OK || certificate.size_bytes > LONGEST) { return false; }
    memcpy(o->bytes, certificate.bytes, certificate.size_bytes);
    o->size = certificate.size_bytes;
    return true;
}

/* Memory of exactly that size, so that the sanitizer sees what is read behind its end. */
static bool check(struct certificate_oracle *o, const uint8_t *bytes, uint32_t size, uint64_t seed, uint64_t *checked) {
    struct verifier_workspace workspace = {o->check_memory, sizeof(o->check_memory), CHECK_STEPS};
    struct verifier_result result;
    uint8_t *exact = malloc(size + (size == 0));
    memcpy(exact, bytes, size);
    report_certificate((struct span){bytes, size});
    o->hooks.observation.restart(o->hooks.observation.cookie);
    struct verifier_result unobserved;
    enum status alone = bpf_check(&o->generated.program, (struct span){exact, size}, &workspace, &o->unobserved, &unobserved, nullptr);
    enum status status = bpf_check(&o->generated.program, (struct span){exact, size}, &workspace, &o->facts, &result, &o->hooks.observation);
    free(exact);
    /* The fast way may keep less, and refuse for that; what it takes, the observed one takes with the same outcome. */
    bool same = alone != STATUS_OK || (status == STATUS_OK && unobserved.bound == result.bound && unobserved.steps == result.steps);
    same &= alone != STATUS_OK || (o->facts.stack_bytes == o->unobserved.stack_bytes &&
                                    memcmp(o->facts.flags, o->unobserved.flags, o->generated.program.count) == 0);
    if (!same) {
        report_finding(seed, &o->generated, "the fast way says %u at %u, the observed one %u at %u", alone, unobserved.insn, status, result.insn);
    }
    if (alone != STATUS_OK || status != STATUS_OK) { return false; }
    *checked += o->hooks.run(o->hooks.cookie, &o->generated, &o->facts, result.bound, seed, (struct span){bytes, size});
    return true;
}

/* What the checker does not take with somebody looking on: the fast way must not either. */
static bool check_fast(struct certificate_oracle *o, struct span certificate, uint64_t seed, uint64_t *checked) {
    struct verifier_workspace workspace = {o->check_memory, sizeof(o->check_memory), CHECK_STEPS};
    struct verifier_result result;
    if (bpf_check(&o->generated.program, certificate, &workspace, &o->unobserved, &result, nullptr) != STATUS_OK) { return false; }
    return check(o, certificate.data, (uint32_t)certificate.size, seed, checked);
}

static uint32_t damage(const struct certificate_oracle *o, uint8_t *out, struct random *random) {
    uint32_t size = o->size, changes = 1 + random_below(random, 3);
    memcpy(out, o->bytes, size);
    for (uint32_t i = 0; i < changes && size > 1; i++) {
        uint32_t at = 1 + random_below(random, size - 1);
        switch (random_below(random, 7)) {
        case 0: out[at] = (uint8_t)random_next(random); break;
        case 1: out[at] ^= (uint8_t)(1u << random_below(random, 8)); break;
        case 2: out[at] += (uint8_t)(random_below(random, 5) - 2); break;
        case 3: size = at; break;
        case 4: memmove(out + at, out + at + 1, --size - at); break;
        case 5: out[at] = (uint8_t)random_below(random, 8); break;
        default:
            if (size >= LONGEST) { break; }
            memmove(out + at + 1, out + at, size++ - at);
            out[at] = (uint8_t)random_below(random, 32);
            break;
        }
    }
    return size;
}

/* ---- forged ones ---- */

static void copy_program(struct generated *to, const struct generated *from) {
    *to = *from;
    to->program.insns = to->insns;
    to->program.maps = to->maps;
}

/* The program that the certificate is of, and the one that it is made for: one of them is altered at times. */
static bool begin_forging(struct certificate_oracle *o, uint64_t seed, struct random *random) {
    shape_of(seed, &o->generated);
    copy_program(&o->base, &o->generated);
    if (random_chance(random, 20)) { alter(random, &o->generated); }
    return infer(o) && forger_learn(o->forger, &o->generated.program, (struct span){o->bytes, o->size});
}

static void forge_some(struct certificate_oracle *o, uint64_t seed, uint32_t forgeries, struct certificate_totals *totals) {
    struct random random = {seed * 131 + 17};
    if (!begin_forging(o, seed, &random)) { return; }
    for (uint32_t i = 0; i < forgeries; i++) {
        bool taken;
        copy_program(&o->generated, &o->base);
        if (random_chance(&random, 60)) { alter(&random, &o->generated); }
        struct span forged = forge(o->forger, &o->generated.program, random_next(&random), &taken);
        totals->forged++;
        bool accepted = taken ? check(o, forged.data, (uint32_t)forged.size, seed, &totals->checked) : check_fast(o, forged, seed, &totals->checked);
        totals->forged_accepted += accepted;
        if (!accepted || !random_chance(&random, 10)) { continue; }
        copy_program(&o->base, &o->generated); /* the next ones are made after this one */
        if (!forger_learn(o->forger, &o->base.program, forged)) { return; }
    }
}

static void damage_some(struct certificate_oracle *o, uint64_t seed, bool damages, struct certificate_totals *totals) {
    struct random random = {seed * 77 + 5};
    program_of(seed, &o->generated);
    if (!infer(o)) { return; }
    if (check(o, o->bytes, o->size, seed, &totals->checked)) {
        totals->accepted++;
    } else {
        totals->inferred_refused++;
    }
    for (uint32_t i = 0; damages && i < DAMAGES; i++) {
        uint32_t size = damage(o, o->damaged, &random);
        totals->damaged++;
        totals->damaged_accepted += check(o, o->damaged, size, seed, &totals->checked);
    }
    for (uint32_t i = 0; damages && i < DAMAGES; i++) {
        program_of(seed, &o->generated);
        mutate(seed * DAMAGES + i, &o->generated);
        totals->damaged++;
        totals->damaged_accepted += check(o, o->bytes, o->size, seed, &totals->checked);
    }
}

void certificates_try(struct certificate_oracle *o, uint64_t seed, bool damages, uint32_t forgeries, struct certificate_totals *totals) {
    damage_some(o, seed, damages, totals);
    if (damages && forgeries != 0) { forge_some(o, seed, forgeries, totals); }
    report_certificate((struct span){});
}
