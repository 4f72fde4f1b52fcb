/* What becomes of the keys of a policy: trust/keys.c with a fake signature. A message is a key id and the public key that
 * signed it. */
#include "fakes.h"
#include "lib/cbor.h"
#include "lib/sha2.h"
#include "trust/cose.h"
#include "trust/keys.h"

#define HOUR_NS 3'600'000'000'000ull

enum { OWNER, LOOP, OPERATOR, BUSY, KEYS };

uint8_t velocity_policy[POLICY_BYTES];

static uint8_t public_keys[KEYS + 1][32]; /* and one that no policy names */
static struct refusal refusal;
static struct signer signer;
static struct key_record kept[KEY_RECORDS];
static enum status saving;

enum status cose_parse(struct span message, struct sign1 *out) {
    *out = (struct sign1){.key_id = {message.data, KEY_ID_BYTES}, .payload = message, .signature = {message.data + KEY_ID_BYTES, 32}};
    return message.size == KEY_ID_BYTES + 32 ? STATUS_OK : STATUS_NOT_COSE;
}

enum status cose_check(const struct sign1 *message, const uint8_t key[32]) {
    return memcmp(message->signature.data, key, 32) == 0 ? STATUS_OK : STATUS_BAD_SIGNATURE;
}

static void put_key(struct cbor_writer *out, uint32_t i, const uint32_t fields[], uint32_t count) {
    cbor_put_map(out, 1 + count);
    cbor_put_uint(out, POLICY_KEY_KEY_PUBLIC_KEY);
    cbor_put_bytes(out, (struct span){public_keys[i], 32});
    for (uint32_t field = 0; field < 2 * count; field++) { cbor_put_uint(out, fields[field]); }
}

static void write_policy(void) {
    struct cbor_writer out = {.out = velocity_policy + 2, .capacity = POLICY_BYTES - 2};
    for (uint32_t i = 0; i <= KEYS; i++) { memset(public_keys[i], (int)i + 1, 32); }
    cbor_put_map(&out, 2);
    cbor_put_uint(&out, POLICY_KEY_OPEN), cbor_put_uint(&out, DOOR_UPLOAD);
    cbor_put_uint(&out, POLICY_KEY_KEYS), cbor_put_array(&out, KEYS);
    put_key(&out, OWNER, (uint32_t[]){POLICY_KEY_KEY_ROLES, ROLE_PATCH | ROLE_IMAGE, POLICY_KEY_KEY_DOORS, DOOR_MODULES | DOOR_KEYS}, 2);
    put_key(&out, LOOP, (uint32_t[]){POLICY_KEY_KEY_ROLES, ROLE_PATCH, POLICY_KEY_KEY_SWAPS, 3}, 2);
    put_key(&out, OPERATOR, (uint32_t[]){POLICY_KEY_KEY_DOORS, DOOR_TIMER, POLICY_KEY_KEY_PERIOD, 500}, 2);
    put_key(&out, BUSY, (uint32_t[]){POLICY_KEY_KEY_ROLES, ROLE_PATCH, POLICY_KEY_KEY_SWAPS, SWAPS_LIMIT}, 2);
    CHECK(!out.overflow);
    velocity_policy[0] = (uint8_t)out.size, velocity_policy[1] = (uint8_t)(out.size >> 8);
}

static const uint8_t *id_of(uint32_t key) {
    static uint8_t digest[SHA256_BYTES];
    sha256((struct span){public_keys[key], 32}, digest);
    return digest;
}

/* In the name of one key, signed by another. */
static enum status open_by(uint32_t name, uint32_t key, uint32_t role) {
    static uint8_t message[KEY_ID_BYTES + 32];
    struct span payload = {};
    memcpy(message, id_of(name), KEY_ID_BYTES);
    memcpy(message + KEY_ID_BYTES, public_keys[key], 32);
    const enum status status = keys_open((struct span){message, sizeof message}, role, &signer, &payload, &refusal);
    CHECK((status == STATUS_OK) == (payload.data == message));
    return status;
}

static enum status save(const struct key_record records[KEY_RECORDS]) {
    if (saving == STATUS_OK) { memcpy(kept, records, sizeof kept); }
    return saving;
}

/* As a board that starts with what its storage holds. */
static void start(void) { keys_keep(kept, save); }

static void a_key_signs_for_itself_and_its_roles(void) {
    CHECK(open_by(OWNER, OWNER, ROLE_PATCH | ROLE_IMAGE) == STATUS_OK);
    CHECK(open_by(OWNER, LOOP, ROLE_PATCH) == STATUS_BAD_SIGNATURE);
    CHECK(open_by(KEYS, KEYS, 0) == STATUS_UNKNOWN_KEY);
    CHECK(open_by(LOOP, LOOP, ROLE_PATCH) == STATUS_OK && open_by(LOOP, LOOP, 0) == STATUS_OK);
    CHECK(open_by(LOOP, LOOP, ROLE_IMAGE) == STATUS_KEY_ROLE && open_by(OPERATOR, OPERATOR, ROLE_PATCH) == STATUS_KEY_ROLE);
    CHECK(keys_open((struct span){(const uint8_t *)"", 0}, 0, &signer, &(struct span){}, &refusal) == STATUS_NOT_COSE);
}

static void sequence_numbers_are_each_keys_own(void) {
    CHECK(!keys_are_kept() && open_by(LOOP, LOOP, 0) == STATUS_OK);
    keys_note_sequence(&signer, 8); /* there is no storage yet */
    CHECK(keys_newest_sequence() == 8);
    start();
    CHECK(keys_are_kept() && keys_newest_sequence() == 0 && open_by(LOOP, LOOP, 0) == STATUS_OK);
    CHECK(keys_check_sequence(&signer, 0, &refusal) == STATUS_REPLAYED && keys_check_sequence(&signer, 1, &refusal) == STATUS_OK);
    keys_note_sequence(&signer, 5);
    CHECK(keys_check_sequence(&signer, 4, &refusal) == STATUS_OLDER_SEQUENCE);
    CHECK(keys_check_sequence(&signer, 5, &refusal) == STATUS_REPLAYED && keys_check_sequence(&signer, 6, &refusal) == STATUS_OK);
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK && keys_check_sequence(&signer, 1, &refusal) == STATUS_OK);
    keys_note_sequence(&signer, 3);
    CHECK(keys_newest_sequence() == 5);
    start(); /* the power was off */
    CHECK(open_by(LOOP, LOOP, 0) == STATUS_OK && signer.record->sequence == 5);
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK && signer.record->sequence == 3);
}

static void swap_at(uint64_t ns) {
    fake_time_ns = ns;
    CHECK(keys_check_rate(&signer, &refusal) == STATUS_OK);
    keys_note_swap(&signer);
}

static void swaps_are_counted_within_an_hour(void) {
    CHECK(open_by(LOOP, LOOP, 0) == STATUS_OK);
    for (uint64_t round = 0; round < 50; round++) { /* the ring goes round */
        const uint64_t from = 1 + round * 2 * HOUR_NS;
        swap_at(from), swap_at(from + 10), swap_at(from + HOUR_NS / 2);
        CHECK(keys_check_rate(&signer, &refusal) == STATUS_RATE_LIMITED);
        fake_time_ns = from + HOUR_NS - 1;
        CHECK(keys_check_rate(&signer, &refusal) == STATUS_RATE_LIMITED && strstr(refusal.message, "the next in 1 s") != nullptr);
        swap_at(from + HOUR_NS);
        CHECK(keys_check_rate(&signer, &refusal) == STATUS_RATE_LIMITED);
        fake_time_ns = from + HOUR_NS + 10;
        CHECK(keys_check_rate(&signer, &refusal) == STATUS_OK);
    }
    CHECK(open_by(BUSY, BUSY, 0) == STATUS_OK);
    for (uint32_t i = 0; i < SWAPS_LIMIT; i++) { swap_at(fake_time_ns); }
    CHECK(keys_check_rate(&signer, &refusal) == STATUS_RATE_LIMITED);
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK);
    for (uint32_t i = 0; i <= SWAPS_LIMIT; i++) { swap_at(fake_time_ns); } /* has no limit */
}

static void doors_open_to_their_keys(void) {
    CHECK(keys_open_doors() == DOOR_UPLOAD);
    keys_assume(nullptr);
    CHECK(door_check(0, &refusal) == STATUS_OK && door_check(DOOR_UPLOAD, &refusal) == STATUS_OK);
    CHECK(door_check(DOOR_MODULES, &refusal) == STATUS_NOT_SIGNED && door_check(DOOR_UPLOAD | DOOR_MODULES, &refusal) == STATUS_NOT_SIGNED);
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK);
    keys_assume(&signer);
    CHECK(door_check(DOOR_MODULES | DOOR_KEYS, &refusal) == STATUS_OK && door_check(DOOR_UPLOAD, &refusal) == STATUS_OK);
    CHECK(door_check(DOOR_RESET, &refusal) == STATUS_KEY_ROLE && door_check(DOOR_KEYS | DOOR_RESET, &refusal) == STATUS_KEY_ROLE);
    keys_assume(nullptr);
    CHECK(door_check(DOOR_MODULES, &refusal) == STATUS_NOT_SIGNED);
}

static void a_period_is_that_of_the_patchs_signer_or_of_the_commands(void) {
    CHECK(keys_check_period(nullptr, 1000, &refusal) == STATUS_NOT_SIGNED);
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK && keys_check_period(&signer, 1000, &refusal) == STATUS_KEY_ROLE);
    CHECK(open_by(OPERATOR, OPERATOR, 0) == STATUS_OK);
    for (uint32_t i = 0; i < 2; i++) {
        const struct signer *patch = i == 0 ? &signer : nullptr;
        CHECK(keys_check_period(patch, 500, &refusal) == STATUS_OK && keys_check_period(patch, 499, &refusal) == STATUS_PERIOD_FORBIDDEN);
        keys_assume(&signer);
    }
    static struct signer owner;
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK);
    owner = signer;
    CHECK(open_by(OPERATOR, OPERATOR, 0) == STATUS_OK);
    CHECK(keys_check_period(&owner, 1000, &refusal) == STATUS_KEY_ROLE); /* the patch's counts, whoever sent it */
    keys_assume(nullptr);
}

static bool has_id(uint32_t i, uint32_t key) {
    struct key_state state;
    return keys_at(i, &state) && memcmp(state.id, id_of(key), KEY_ID_BYTES) == 0;
}

static enum status revoke(uint32_t key, const uint8_t *other) {
    return keys_revoke((struct span){id_of(key), KEY_ID_BYTES}, other, &refusal);
}

static void a_key_that_was_taken_back_or_replaced_signs_nothing(void) {
    CHECK(revoke(KEYS, nullptr) == STATUS_UNKNOWN_KEY);
    CHECK(has_id(OPERATOR, OPERATOR) && revoke(OPERATOR, public_keys[KEYS]) == STATUS_OK && has_id(OPERATOR, KEYS));
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(open_by(OPERATOR, OPERATOR, 0) == STATUS_REVOKED_KEY && open_by(KEYS, OPERATOR, 0) == STATUS_BAD_SIGNATURE);
        CHECK(open_by(KEYS, KEYS, 0) == STATUS_OK && signer.rights->doors == DOOR_TIMER && signer.index == OPERATOR);
        CHECK(revoke(OPERATOR, nullptr) == STATUS_REVOKED_KEY);
        start(); /* the power was off */
    }
    CHECK(revoke(KEYS, nullptr) == STATUS_OK);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(open_by(KEYS, KEYS, 0) == STATUS_REVOKED_KEY && open_by(OPERATOR, OPERATOR, 0) == STATUS_REVOKED_KEY);
        CHECK(revoke(KEYS, nullptr) == STATUS_REVOKED_KEY);
        start();
    }
    saving = STATUS_TIMEOUT;
    CHECK(revoke(BUSY, nullptr) == STATUS_TIMEOUT);
    saving = STATUS_OK;
    CHECK(has_id(BUSY, BUSY) && !keys_at(KEYS, &(struct key_state){}));
}

/* Storage full of keys of earlier policies: places of those that were taken back stay theirs, and so do those of this one's. */
static void records_of_other_policies_give_way_unless_taken_back(void) {
    memset(kept, 0, sizeof kept);
    for (uint32_t i = 0; i < KEY_RECORDS; i++) {
        memset(kept[i].id, 0x80 + (int)i, KEY_ID_BYTES);
        kept[i].revoked = 1;
    }
    kept[0] = (struct key_record){.sequence = 9};
    memcpy(kept[0].id, id_of(LOOP), KEY_ID_BYTES);
    kept[1].revoked = 0, kept[1].sequence = 77;
    kept[2].revoked = 0, kept[2].replaced = 1;
    kept[15].revoked = 0;
    start();
    CHECK(open_by(OWNER, OWNER, 0) == STATUS_OK && signer.record->sequence == 0);
    CHECK(open_by(LOOP, LOOP, 0) == STATUS_OK && signer.record->sequence == 9);
    CHECK(open_by(OPERATOR, OPERATOR, 0) == STATUS_OK);
    CHECK(open_by(BUSY, BUSY, 0) == STATUS_UNKNOWN_KEY && !keys_at(BUSY, &(struct key_state){}));
    keys_note_sequence(&signer, 12);
    for (uint32_t i = 2; i < 15; i++) { CHECK(kept[i].id[0] == 0x80 + i && kept[i].revoked == (i > 2)); }
    CHECK(memcmp(kept[1].id, id_of(OWNER), KEY_ID_BYTES) == 0 && memcmp(kept[15].id, id_of(OPERATOR), KEY_ID_BYTES) == 0);
    CHECK(kept[15].sequence == 12 && kept[0].sequence == 9);
}

int main(void) {
    write_policy();
    a_key_signs_for_itself_and_its_roles();
    sequence_numbers_are_each_keys_own();
    swaps_are_counted_within_an_hour();
    doors_open_to_their_keys();
    a_period_is_that_of_the_patchs_signer_or_of_the_commands();
    a_key_that_was_taken_back_or_replaced_signs_nothing();
    records_of_other_policies_give_way_unless_taken_back();
    return 0;
}
