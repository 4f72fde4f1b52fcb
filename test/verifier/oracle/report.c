#include "report.h"

#include "gen/abi_status.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct totals totals;

static void print_number(const char *name, uint64_t number) { printf("\"%s\":%" PRIu64 ",", name, number); }

void report_totals(bool done) {
    const struct certificate_totals *c = &totals.certificates;
    printf("{\"done\":%s,", done ? "true" : "false");
    print_number("programs", totals.programs);
    print_number("seed", totals.first_seed);
    print_number("next_seed", totals.first_seed + totals.programs);
    print_number("accepted", totals.accepted);
    print_number("refused", totals.refused);
    print_number("checked", totals.checked);
    print_number("walked", totals.steps);
    print_number("certified", c->accepted);
    print_number("certified_checked", c->checked);
    print_number("damaged", c->damaged);
    print_number("damaged_accepted", c->damaged_accepted);
    print_number("forged", c->forged);
    print_number("forged_accepted", c->forged_accepted);
    print_number("inferred_refused", c->inferred_refused);
    print_number("compiled", totals.compiled);
    print_number("compared", totals.compared);
    print_number("records", totals.records);
    printf("\"codes\":{");
    const char *comma = "";
#define COUNT(name, code, sentence) \
    if (totals.by_status[code] != 0) { \
        printf("%s\"" #name "\":%" PRIu64, comma, totals.by_status[code]); \
        comma = ","; \
    }
    STATUS_TABLE(COUNT)
    printf("}}\n");
    fflush(stdout);
}

static struct span certificate;
void report_certificate(struct span bytes) { certificate = bytes; }

static void print_hex(const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) { printf("%02x", ((const uint8_t *)bytes)[i]); }
}

void report_finding(uint64_t seed, const struct generated *generated, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("{\"finding\":\"");
    vprintf(format, arguments);
    va_end(arguments);
    printf("\",\"seed\":%" PRIu64 ",\"memory\":%u,\"code\":\"", seed, generated->program.memory_size);
    print_hex(generated->insns, generated->program.count * sizeof(generated->insns[0]));
    printf("\",\"certificate\":\"");
    print_hex(certificate.data, certificate.size);
    printf("\"}\n");
    report_totals(true);
    exit(1);
}
