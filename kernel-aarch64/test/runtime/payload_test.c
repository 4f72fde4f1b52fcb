/* What a payload may say, and what of it the key that signed it may ask for. */
#include "admission.h"
#include "gen/abi_patch.h"
#include "lib/cbor.h"
#include "patch/boot_id.h"
#include "patch/payload.h"
#include "patch/permission.h"

static struct refusal refusal;

/* Sizes of what a payload may say at most, and which key it leaves out. */
struct extremes {
    uint32_t board, maps, proposer, hash, proof, boot, without;
};

static bool decodes(struct extremes e) {
    static uint8_t bytes[4096], zeros[300];
    static struct patch patch;
    struct cbor_writer out = {.out = bytes, .capacity = sizeof bytes};
    const struct { uint32_t key, bytes; bool text; } spans[] = {
        {PATCH_KEY_NAME, 1, true}, {PATCH_KEY_BOARD_CLASS, e.board, true}, {PATCH_KEY_CODE, 8, false},
        {PATCH_KEY_PROPOSER, e.proposer, true}, {PATCH_KEY_MODEL_HASH, e.hash, false}, {PATCH_KEY_BOOT, e.boot, false}};
    const uint32_t numbers[][2] = {{PATCH_KEY_HOOK, 1}, {PATCH_KEY_SEQUENCE, 1}, {PATCH_KEY_PROOF, e.proof}};
    cbor_put_map(&out, 12 - (e.without != 0));
    for (uint32_t key = 1; key <= PATCH_KEY_BOOT; key++) {
        if (key == e.without) { continue; }
        for (uint32_t i = 0; i < 6; i++) {
            if (spans[i].key != key) { continue; }
            const struct span value = {key == PATCH_KEY_NAME ? (const uint8_t *)"m" : zeros, spans[i].bytes};
            cbor_put_uint(&out, key), (spans[i].text ? cbor_put_text : cbor_put_bytes)(&out, value);
        }
        for (uint32_t i = 0; i < 3; i++) {
            if (numbers[i][0] == key) { cbor_put_uint(&out, key), cbor_put_uint(&out, numbers[i][1]); }
        }
        if (key != PATCH_KEY_MAPS) { continue; }
        cbor_put_uint(&out, key), cbor_put_array(&out, e.maps);
        for (uint32_t i = 0; i < e.maps; i++) {
            cbor_put_map(&out, 6);
            cbor_put_uint(&out, PATCH_MAP_KEY_NAME), cbor_put_text(&out, text("m"));
            for (uint32_t field = PATCH_MAP_KEY_TYPE; field <= PATCH_MAP_KEY_MAX_ENTRIES; field++) {
                cbor_put_uint(&out, field), cbor_put_uint(&out, 1);
            }
            cbor_put_uint(&out, 9), cbor_put_bool(&out, true); /* unknown */
        }
    }
    cbor_put_uint(&out, 31), cbor_put_bool(&out, true); /* two that this release does not know */
    cbor_put_uint(&out, 40), cbor_put_array(&out, 1), cbor_put_uint(&out, 1);
    CHECK(!out.overflow);
    return patch_decode((struct span){bytes, out.size}, &patch, &refusal) == STATUS_OK;
}

static void a_payload_says_as_much_as_there_is_room_for(void) {
    const struct extremes good = {.board = 63, .maps = MAX_MAPS_PER_PROGRAM, .proposer = 255, .hash = 32, .proof = 2, .boot = BOOT_ID_BYTES};
    struct extremes bad = good;
    CHECK(decodes(good));
    bad.hash = 0, CHECK(decodes(bad)), bad = good;
    bad.hash = 31, CHECK(!decodes(bad)), bad = good;
    bad.board = 64, CHECK(!decodes(bad)), bad = good;
    bad.maps = MAX_MAPS_PER_PROGRAM + 1, CHECK(!decodes(bad)), bad = good;
    bad.proposer = 256, CHECK(!decodes(bad)), bad = good;
    bad.proof = 3, CHECK(!decodes(bad)), bad = good;
    bad.boot = BOOT_ID_BYTES - 1, CHECK(!decodes(bad)), bad = good;
    for (bad.without = 1; bad.without <= PATCH_KEY_BOOT; bad.without++) {
        const uint32_t needed = 1 << PATCH_KEY_NAME | 1 << PATCH_KEY_HOOK | 1 << PATCH_KEY_BOARD_CLASS | 1 << PATCH_KEY_CODE |
                                1 << PATCH_KEY_SEQUENCE | 1 << PATCH_KEY_BOOT;
        const uint32_t there = needed | 1 << PATCH_KEY_MAPS | 1 << PATCH_KEY_PROPOSER | 1 << PATCH_KEY_MODEL_HASH | 1 << PATCH_KEY_PROOF;
        if ((there >> bad.without & 1) != 0) { CHECK(decodes(bad) == ((needed >> bad.without & 1) == 0)); }
    }
}

static struct policy_key rights;
static const struct signer limited = {.rights = &rights};

static enum status permission(struct patch patch) {
    refusal = (struct refusal){};
    return check_permission(&patch, &limited, &refusal);
}

static void a_key_installs_what_its_rights_say(void) {
    const struct patch good = {.name = text("m"), .hook = HOOK_TIMER, .proof = 1};
    static const uint8_t names[] = {0x81, 0x61, 'm'};
    struct patch bad = good;
    rights = (struct policy_key){.modules = {names, 3}, .hooks = 1u << HOOK_TIMER, .cores = 3, .proofs = 2};
    CHECK(permission(good) == STATUS_OK);
    bad.name = text("n"), CHECK(permission(bad) == STATUS_MODULE_FORBIDDEN), bad = good;
    bad.hook = HOOK_PACKET, CHECK(permission(bad) == STATUS_HOOK_FORBIDDEN), bad = good;
    bad.hook = 31, CHECK(permission(bad) == STATUS_HOOK_FORBIDDEN), bad = good;
    bad.hook = 32 + HOOK_PACKET, CHECK(permission(bad) == STATUS_OK), bad = good; /* there is no such hook */
    bad.cores = 2, CHECK(permission(bad) == STATUS_OK), bad = good;
    bad.cores = 6, CHECK(permission(bad) == STATUS_CORES_FORBIDDEN), bad = good;
    rights.cores = 2, CHECK(permission(good) == STATUS_CORES_FORBIDDEN), rights.cores = 3; /* no mask: core 0 */
    bad.proof = 0, CHECK(permission(bad) == STATUS_PROOF_POLICY && strstr(refusal.message, "none") != nullptr), bad = good;
    bad.proof = 2, CHECK(permission(bad) == STATUS_PROOF_POLICY && strstr(refusal.message, "tested") != nullptr), bad = good;
    static const uint8_t maps[] = {0x81, 0x62, 'm', '*'};
    rights.maps = (struct span){maps, 4};
    bad.map_count = 2, bad.maps[0].name = text("m.bss"), bad.maps[1].name = text("m"), CHECK(permission(bad) == STATUS_OK);
    bad.maps[1].name = text("gpio_out"), CHECK(permission(bad) == STATUS_MAP_FORBIDDEN && strstr(refusal.message, "gpio_out") != nullptr);
    bad = good, rights.maps = (struct span){};
    fake_period = STATUS_PERIOD_FORBIDDEN;
    bad.period_us = 50, CHECK(permission(bad) == STATUS_PERIOD_FORBIDDEN && permission(good) == STATUS_OK);
    fake_period = STATUS_OK, fake_rate = STATUS_RATE_LIMITED;
    CHECK(permission(bad) == STATUS_RATE_LIMITED && permission(good) == STATUS_RATE_LIMITED);
    fake_rate = STATUS_OK;
}

/* The eBPF instruction that was refused, or -1; its bytes end where a block of memory does. */
static int32_t refused_call(const uint64_t code[], uint32_t bytes) {
    static const uint8_t helpers[] = {0x81, 5};
    uint8_t *copy = malloc(bytes);
    memcpy(copy, code, bytes);
    rights = (struct policy_key){.hooks = UINT32_MAX, .cores = 1, .proofs = UINT32_MAX, .helpers = {helpers, 2}};
    const enum status status = permission((struct patch){.name = text("m"), .hook = HOOK_TIMER, .code = {copy, bytes}});
    free(copy);
    CHECK(status == (refusal.has_insn ? STATUS_HELPER_FORBIDDEN : STATUS_OK));
    return refusal.has_insn ? (int32_t)refusal.insn : -1;
}

static void a_key_calls_its_helpers_alone(void) {
    constexpr uint64_t CALL_5 = 0x5'0000'0085, CALL_6 = 0x6'0000'0085, LOCAL_6 = 0x6'0000'1085, LD_IMM64 = 0x18, EXIT = 0x95;
    CHECK(refused_call((uint64_t[]){CALL_5, EXIT}, 16) == -1 && refused_call((uint64_t[]){CALL_6}, 8) == 0);
    CHECK(refused_call((uint64_t[]){CALL_5, EXIT, CALL_6, EXIT}, 32) == 2); /* also where no path leads */
    CHECK(refused_call((uint64_t[]){LOCAL_6, EXIT}, 16) == -1);             /* a function of its own */
    CHECK(refused_call((uint64_t[]){LD_IMM64, CALL_6, EXIT}, 24) == -1);    /* the upper half of a constant */
    CHECK(refused_call((uint64_t[]){LD_IMM64, 0, CALL_6, EXIT}, 32) == 2);
    CHECK(refused_call((uint64_t[]){CALL_5, CALL_5, LD_IMM64, 0, CALL_6}, 40) == 4);
    CHECK(refused_call((uint64_t[]){EXIT, CALL_6}, 15) == -1 && refused_call((uint64_t[]){LD_IMM64}, 8) == -1);
}

int main(void) {
    a_payload_says_as_much_as_there_is_room_for();
    a_key_installs_what_its_rights_say();
    a_key_calls_its_helpers_alone();
    return 0;
}
