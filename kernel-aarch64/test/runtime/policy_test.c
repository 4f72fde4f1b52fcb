/* Policy blocks as images carry them, sound and unsound, and the names and helpers that they allow. */
#include "fakes.h"
#include "lib/cbor.h"
#include "trust/policy.h"

#define DOORS_ALL (2 * DOOR_KEYS - 1)

/* A pair of a key's map: a number, or with `items` an array of texts of this one, or of numbers. */
struct pair {
    uint32_t key;
    uint64_t value;
    const char *text; /* null: numbers */
    uint32_t items;   /* 0: no array */
};

static uint8_t block[POLICY_BYTES];
static struct policy policy;
static uint32_t public_key_bytes = 32;

static void put_pair(struct cbor_writer *out, const struct pair *pair) {
    cbor_put_uint(out, pair->key);
    if (pair->items != 0) { cbor_put_array(out, pair->items); }
    for (uint32_t i = 0; i < (pair->items != 0 ? pair->items : 1); i++) {
        if (pair->text != nullptr) {
            cbor_put_text(out, text(pair->text));
        } else {
            cbor_put_uint(out, pair->value);
        }
    }
}

static enum status decode(uint32_t size) {
    block[0] = (uint8_t)size, block[1] = (uint8_t)(size >> 8);
    const enum status status = policy_decode((struct span){block, POLICY_BYTES}, &policy);
    CHECK(status == STATUS_OK || (policy.count == 0 && policy.open == 0));
    return status;
}

/* As many keys with these pairs, which end with key 0, behind their public key of ones. */
static uint32_t write(uint32_t open, uint32_t keys, const struct pair pairs[]) {
    static const uint8_t ones[40] = {[0 ... 39] = 1};
    struct cbor_writer out = {.out = block + 2, .capacity = POLICY_BYTES - 2};
    uint32_t count = 0;
    while (pairs[count].key != 0) { count++; }
    cbor_put_map(&out, 2);
    cbor_put_uint(&out, POLICY_KEY_OPEN), cbor_put_uint(&out, open);
    cbor_put_uint(&out, POLICY_KEY_KEYS), cbor_put_array(&out, keys);
    for (uint32_t key = 0; key < keys; key++) {
        cbor_put_map(&out, count + (public_key_bytes != 0));
        if (public_key_bytes != 0) { cbor_put_uint(&out, POLICY_KEY_KEY_PUBLIC_KEY), cbor_put_bytes(&out, (struct span){ones, public_key_bytes}); }
        for (uint32_t i = 0; i < count; i++) { put_pair(&out, &pairs[i]); }
    }
    CHECK(!out.overflow);
    return out.size;
}

static enum status with(struct pair pair) { return decode(write(0, 1, (struct pair[]){pair, {}})); }

static enum status with_number(uint32_t key, uint64_t value) { return with((struct pair){.key = key, .value = value}); }

static void a_policy_says_nothing_unknown(void) {
    static const struct pair none = {};
    CHECK(decode(0) == STATUS_NO_KEY);
    CHECK(policy_decode((struct span){block, 1}, &policy) == STATUS_BAD_POLICY);
    const uint32_t size = write(DOORS_ALL & ~DOOR_KEYS, 8, &none);
    CHECK(decode(size) == STATUS_OK && policy.count == 8 && policy.open == (DOORS_ALL & ~DOOR_KEYS));
    CHECK(policy_decode((struct span){block, size + 2}, &policy) == STATUS_OK);
    CHECK(policy_decode((struct span){block, size + 1}, &policy) == STATUS_BAD_POLICY);
    CHECK(decode(size - 1) == STATUS_BAD_POLICY && decode(size + 1) == STATUS_BAD_POLICY);
    CHECK(decode(write(0, 9, &none)) == STATUS_BAD_POLICY);
    CHECK(decode(write(DOOR_KEYS, 1, &none)) == STATUS_BAD_POLICY && decode(write(DOORS_ALL + 1, 1, &none)) == STATUS_BAD_POLICY);
    const uint32_t two = write(0, 1, &none);
    block[2] = 0xa3; /* the map of the policy: with a pair more, which follows */
    block[2 + two] = 3, block[2 + two + 1] = 0;
    CHECK(decode(two + 2) == STATUS_BAD_POLICY);
    block[2] = 0xa1;
    CHECK(decode(3) == STATUS_BAD_POLICY); /* with one less */
    CHECK(decode(write(0, 1, &none)) == STATUS_OK);
    block[3] = 0; /* another key in the place of each */
    CHECK(decode(two) == STATUS_BAD_POLICY);
    CHECK(decode(write(0, 1, &none)) == STATUS_OK);
    block[5] = 3;
    CHECK(decode(two) == STATUS_BAD_POLICY);
}

static void a_key_has_a_public_key_of_32_bytes(void) {
    const uint32_t sizes[] = {0, 31, 33, 32};
    for (uint32_t i = 0; i < 4; i++) {
        public_key_bytes = sizes[i];
        CHECK(with_number(POLICY_KEY_KEY_ROLES, ROLE_PATCH) == (sizes[i] == 32 ? STATUS_OK : STATUS_BAD_POLICY));
    }
    CHECK(policy.keys[0].public_key[31] == 1 && policy.keys[0].roles == ROLE_PATCH && policy.keys[0].doors == 0);
}

static void what_is_not_limited_is_any(void) {
    CHECK(decode(write(0, 1, (struct pair[]){{}})) == STATUS_OK);
    const struct policy_key *key = &policy.keys[0];
    CHECK(key->hooks == UINT32_MAX && key->budget == UINT64_MAX && key->cores == UINT32_MAX && key->proofs == UINT32_MAX);
    CHECK(key->roles == 0 && key->doors == 0 && key->swaps == 0 && key->period_us == 0);
    CHECK(policy_allows_name(key->modules, text("any")) && policy_allows_name(key->maps, text("any")) && policy_allows_helper(key, 77));
}

static void limits_are_what_they_say(void) {
    const struct policy_key *key = &policy.keys[0];
    CHECK(with_number(POLICY_KEY_KEY_DOORS, DOORS_ALL) == STATUS_OK && key->doors == DOORS_ALL);
    CHECK(with_number(POLICY_KEY_KEY_DOORS, DOORS_ALL + 1) == STATUS_BAD_POLICY);
    CHECK(with_number(POLICY_KEY_KEY_HOOKS, 4) == STATUS_OK && key->hooks == 4);
    CHECK(with_number(POLICY_KEY_KEY_BUDGET, 1ull << 40) == STATUS_OK && key->budget == 1ull << 40);
    CHECK(with_number(POLICY_KEY_KEY_CORES, 3) == STATUS_OK && key->cores == 3);
    CHECK(with_number(POLICY_KEY_KEY_PROOFS, 2) == STATUS_OK && key->proofs == 2);
    CHECK(with_number(POLICY_KEY_KEY_PERIOD, 50) == STATUS_OK && key->period_us == 50);
    CHECK(with_number(POLICY_KEY_KEY_SWAPS, 1) == STATUS_OK && key->swaps == 1);
    CHECK(with_number(POLICY_KEY_KEY_SWAPS, SWAPS_LIMIT) == STATUS_OK && key->swaps == SWAPS_LIMIT);
    CHECK(with_number(POLICY_KEY_KEY_SWAPS, 0) == STATUS_BAD_POLICY);
    CHECK(with_number(POLICY_KEY_KEY_SWAPS, SWAPS_LIMIT + 1) == STATUS_BAD_POLICY);
    CHECK(with_number(POLICY_KEY_KEY_MAPS + 1, 1) == STATUS_BAD_POLICY);
    for (uint32_t i = POLICY_KEY_KEY_ROLES; i <= POLICY_KEY_KEY_MAPS; i++) { /* none of them is a text */
        CHECK(with((struct pair){i, 0, "x", 0}) == STATUS_BAD_POLICY);
    }
}

static bool module_is_allowed(const char *pattern, const char *name) {
    CHECK(with((struct pair){POLICY_KEY_KEY_MODULES, 0, pattern, 2}) == STATUS_OK);
    return policy_allows_name(policy.keys[0].modules, text(name));
}

static void names_are_as_their_patterns(void) {
    CHECK(module_is_allowed("fir", "fir") && !module_is_allowed("fir", "firs") && !module_is_allowed("fir", "fi"));
    CHECK(module_is_allowed("udp-*", "udp-") && module_is_allowed("udp-*", "udp-x") && !module_is_allowed("udp-*", "udp"));
    CHECK(!module_is_allowed("udp-*", "tdp-x") && module_is_allowed("*", "x") && !module_is_allowed("u*p", "udp"));
    CHECK(with((struct pair){POLICY_KEY_KEY_MODULES, 0, "", 1}) == STATUS_BAD_POLICY);
    CHECK(with((struct pair){POLICY_KEY_KEY_MODULES, 5, nullptr, 1}) == STATUS_BAD_POLICY);
    CHECK(with((struct pair){POLICY_KEY_KEY_HELPERS, 5, nullptr, 2}) == STATUS_OK);
    CHECK(policy_allows_helper(&policy.keys[0], 5) && !policy_allows_helper(&policy.keys[0], 6));
    CHECK(policy_allows_name(policy.keys[0].modules, text("any")));
    CHECK(with((struct pair){POLICY_KEY_KEY_MAPS, 0, "fir*", 2}) == STATUS_OK);
    CHECK(policy_allows_name(policy.keys[0].maps, text("fir.bss")) && !policy_allows_name(policy.keys[0].maps, text("gpio_out")));
    CHECK(policy_allows_name(policy.keys[0].modules, text("any")));
    CHECK(with((struct pair){POLICY_KEY_KEY_HELPERS, 0, "x", 1}) == STATUS_BAD_POLICY);
}

/* An array without items allows nothing. */
static void an_empty_list_allows_none(void) {
    const uint32_t size = write(0, 1, (struct pair[]){{POLICY_KEY_KEY_MODULES, 0, nullptr, 0}, {POLICY_KEY_KEY_HELPERS, 0, nullptr, 0}, {}});
    block[2 + size - 1] = 0x80, block[2 + size - 3] = 0x80; /* the values of both pairs */
    CHECK(decode(size) == STATUS_OK);
    CHECK(!policy_allows_name(policy.keys[0].modules, text("any")) && !policy_allows_helper(&policy.keys[0], 1));
}

int main(void) {
    a_policy_says_nothing_unknown();
    a_key_has_a_public_key_of_32_bytes();
    what_is_not_limited_is_any();
    limits_are_what_they_say();
    names_are_as_their_patterns();
    an_empty_list_allows_none();
    return 0;
}
