#include "trust/keys.h"
#include "drivers/clock.h"
#include "lib/mem.h"
#include "lib/sha2.h"
#include "trust/cose.h"

extern const uint8_t velocity_policy[POLICY_BYTES]; /* boot/head.S; the firmware step fills it */

constexpr uint64_t HOUR_NS = 3'600'000'000'000;

static struct {
    bool decoded;
    enum status status;
    struct policy policy;
    uint8_t ids[POLICY_KEYS][KEY_ID_BYTES];
    struct key_record records[KEY_RECORDS];
    uint64_t swaps_ns[POLICY_KEYS][SWAPS_LIMIT]; /* rings of the moments of the latest ones; 0: none */
    uint32_t swaps_next[POLICY_KEYS];
    const struct signer *assumed;
    keys_save save;
} keys;

static void id_of(const uint8_t *public_key, uint8_t id[KEY_ID_BYTES]) {
    uint8_t digest[SHA256_BYTES];
    sha256((struct span){public_key, 32}, digest);
    memcpy(id, digest, KEY_ID_BYTES);
}

static const struct policy *policy(void) {
    if (!keys.decoded) {
        keys.status = policy_decode((struct span){velocity_policy, POLICY_BYTES}, &keys.policy);
        for (uint32_t i = 0; i < keys.policy.count; i++) { id_of(keys.policy.keys[i].public_key, keys.ids[i]); }
        keys.decoded = true;
    }
    return &keys.policy;
}

static bool is_of_policy(const struct key_record *record) {
    for (uint32_t i = 0; i < keys.policy.count; i++) {
        if (memcmp(record->id, keys.ids[i], KEY_ID_BYTES) == 0) { return true; }
    }
    return false;
}

/* A place that is free, or that of a key which no policy names any more and which nobody took back. */
static struct key_record *spare_record(void) {
    for (uint32_t i = 0; i < KEY_RECORDS; i++) {
        struct key_record *record = &keys.records[i];
        if (record->revoked == 0 && record->replaced == 0 && !is_of_policy(record)) { return record; }
    }
    return nullptr;
}

/* The record of a key of the policy, made when there is none; null when the table is full of revoked ones. */
static struct key_record *record_of(uint32_t index) {
    for (uint32_t i = 0; i < KEY_RECORDS; i++) {
        if (memcmp(keys.records[i].id, keys.ids[index], KEY_ID_BYTES) == 0) { return &keys.records[i]; }
    }
    struct key_record *record = spare_record();
    if (record == nullptr) { return nullptr; }
    *record = (struct key_record){};
    memcpy(record->id, keys.ids[index], KEY_ID_BYTES);
    return record;
}

bool keys_at(uint32_t i, struct key_state *out) {
    if (i >= policy()->count) { return false; }
    struct key_record *record = record_of(i);
    if (record == nullptr) { return false; }
    *out = (struct key_state){.rights = &keys.policy.keys[i], .record = record};
    if (record->replaced != 0) {
        id_of(record->public_key, out->id);
    } else {
        memcpy(out->id, keys.ids[i], KEY_ID_BYTES);
    }
    return true;
}

/* The id that a key had before it was replaced is told apart from one that was never known. */
static enum status find(struct span id, struct signer *out) {
    enum status status = STATUS_UNKNOWN_KEY;
    struct key_state state;
    for (uint32_t i = 0; keys_at(i, &state); i++) {
        const bool now = memcmp(state.id, id.data, KEY_ID_BYTES) == 0;
        const bool before = memcmp(keys.ids[i], id.data, KEY_ID_BYTES) == 0;
        if (now && state.record->revoked == 0) {
            *out = (struct signer){state.rights, state.record, i};
            return STATUS_OK;
        }
        if (now || before) { status = STATUS_REVOKED_KEY; }
    }
    return status;
}

static enum status find_or_refuse(struct span id, struct signer *out, struct refusal *refusal) {
    (void)policy();
    if (keys.status != STATUS_OK) { return keys.status; }
    if (keys.policy.count == 0) { return STATUS_NO_KEY; }
    const enum status status = find(id, out);
    if (status == STATUS_OK) { return status; }
    return REFUSE(refusal, status, "key %08x%08x", first_bytes(id.data), first_bytes(id.data + 4));
}

enum status keys_open(struct span message, uint32_t role, struct signer *out, struct span *payload,
                      struct refusal *refusal) {
    struct sign1 sign1;
    enum status status = cose_parse(message, &sign1);
    if (status == STATUS_OK) { status = find_or_refuse(sign1.key_id, out, refusal); }
    if (status != STATUS_OK) { return status; }
    const struct key_record *record = out->record;
    status = cose_check(&sign1, record->replaced != 0 ? record->public_key : out->rights->public_key);
    if (status != STATUS_OK) { return status; }
    if ((role & ~out->rights->roles) != 0) { return STATUS_KEY_ROLE; }
    *payload = sign1.payload;
    return STATUS_OK;
}

enum status keys_check_sequence(const struct signer *signer, uint64_t sequence, struct refusal *refusal) {
    const uint64_t newest = signer->record->sequence;
    if (sequence > newest) { return STATUS_OK; }
    return REFUSE(refusal, sequence == newest ? STATUS_REPLAYED : STATUS_OLDER_SEQUENCE,
                  "sequence %lu; the newest accepted is %lu", sequence, newest);
}

static enum status save(void) { return keys.save == nullptr ? STATUS_OK : keys.save(keys.records); }

void keys_note_sequence(const struct signer *signer, uint64_t sequence) {
    signer->record->sequence = sequence;
    (void)save();
}

uint64_t keys_newest_sequence(void) {
    uint64_t newest = 0;
    for (uint32_t i = 0; i < KEY_RECORDS; i++) {
        if (keys.records[i].sequence > newest) { newest = keys.records[i].sequence; }
    }
    return newest;
}

/* With as many moments kept as there may be swaps, the oldest of them says whether the hour has room. */
enum status keys_check_rate(const struct signer *signer, struct refusal *refusal) {
    const uint32_t limit = signer->rights->swaps;
    if (limit == 0) { return STATUS_OK; }
    const uint32_t oldest = (keys.swaps_next[signer->index] + SWAPS_LIMIT - limit) % SWAPS_LIMIT;
    const uint64_t then_ns = keys.swaps_ns[signer->index][oldest];
    const uint64_t now_ns = clock_ns();
    if (then_ns == 0 || now_ns - then_ns >= HOUR_NS) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_RATE_LIMITED, "%u swaps an hour; the next in %lu s", limit,
                  (HOUR_NS - (now_ns - then_ns)) / 1'000'000'000 + 1);
}

void keys_note_swap(const struct signer *signer) {
    uint32_t *next = &keys.swaps_next[signer->index];
    keys.swaps_ns[signer->index][*next] = clock_ns();
    *next = (*next + 1) % SWAPS_LIMIT;
}

void keys_assume(const struct signer *signer) { keys.assumed = signer; }

uint32_t keys_open_doors(void) { return policy()->open; }

static enum status pass(const struct signer *signer, uint32_t door, struct refusal *refusal) {
    if ((door & ~keys_open_doors()) == 0) { return STATUS_OK; }
    if (signer == nullptr) { return REFUSE(refusal, STATUS_NOT_SIGNED, "door 0x%x is closed", door); }
    if ((door & ~signer->rights->doors) == 0) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_KEY_ROLE, "door 0x%x is closed to this key", door);
}

enum status door_check(uint32_t door, struct refusal *refusal) { return pass(keys.assumed, door, refusal); }

enum status keys_check_period(const struct signer *signer, uint32_t period_us, struct refusal *refusal) {
    const struct signer *who = signer != nullptr ? signer : keys.assumed;
    const enum status status = pass(who, DOOR_TIMER, refusal);
    if (status != STATUS_OK || who == nullptr || period_us >= who->rights->period_us) { return status; }
    return REFUSE(refusal, STATUS_PERIOD_FORBIDDEN, "%u us; this key may set %u", period_us, who->rights->period_us);
}

enum status keys_revoke(struct span id, const uint8_t *public_key, struct refusal *refusal) {
    struct signer found;
    const enum status status = find_or_refuse(id, &found, refusal);
    if (status != STATUS_OK) { return status; }
    struct key_record *record = found.record;
    if (public_key == nullptr) {
        record->revoked = 1;
    } else {
        record->replaced = 1;
        memcpy(record->public_key, public_key, sizeof(record->public_key));
    }
    return save();
}

void keys_keep(const struct key_record records[KEY_RECORDS], keys_save saver) {
    memcpy(keys.records, records, sizeof(keys.records));
    keys.save = saver;
}

bool keys_are_kept(void) { return keys.save != nullptr; }
