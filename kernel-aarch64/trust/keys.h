#pragma once
/* The keys of this board's policy with what has become of them: revoked, replaced, used up to which sequence number; and
 * whose authority is at work just now. Core 0, outside interrupts. */

#include "lib/refusal.h"
#include "trust/policy.h"

#define KEY_RECORDS 16u

/* What storage keeps of a key, by the id that it has in the policy. All zero: a free place. */
struct key_record {
    uint8_t id[KEY_ID_BYTES];
    uint64_t sequence;
    uint32_t revoked;
    uint32_t replaced;      /* public_key has taken the place of the policy's */
    uint8_t public_key[32];
};
static_assert(sizeof(struct key_record) == 56);

/* A key whose signature held. */
struct signer {
    const struct policy_key *rights;
    struct key_record *record;
    uint32_t index;
};

/* Takes a message apart, finds its key and checks the signature. Cose's statuses, STATUS_UNKNOWN_KEY, STATUS_REVOKED_KEY,
 * STATUS_NO_KEY or STATUS_BAD_POLICY; STATUS_KEY_ROLE when the key lacks the role (0: none is needed). */
[[nodiscard]] enum status keys_open(struct span message, uint32_t role, struct signer *out, struct span *payload,
                                    struct refusal *refusal);

/* STATUS_REPLAYED, STATUS_OLDER_SEQUENCE. */
[[nodiscard]] enum status keys_check_sequence(const struct signer *signer, uint64_t sequence, struct refusal *refusal);
/* Storage that fails to take it is asked again with the next number. */
void keys_note_sequence(const struct signer *signer, uint64_t sequence);
[[nodiscard]] uint64_t keys_newest_sequence(void);

/* STATUS_RATE_LIMITED when the key has made its swaps of the last hour. */
[[nodiscard]] enum status keys_check_rate(const struct signer *signer, struct refusal *refusal);
void keys_note_swap(const struct signer *signer);

/* What the message that is being answered may change: doors that are open, and those of the signer, null for none. */
void keys_assume(const struct signer *signer);
/* STATUS_NOT_SIGNED, STATUS_KEY_ROLE. A door of 0 is always open. */
[[nodiscard]] enum status door_check(uint32_t door, struct refusal *refusal);
/* The period is that of all modules: who sets it, with a patch of this signer or, null, with this message, passes DOOR_TIMER.
 * STATUS_PERIOD_FORBIDDEN, and those of door_check(). */
[[nodiscard]] enum status keys_check_period(const struct signer *signer, uint32_t period_us, struct refusal *refusal);

/* Takes a key back, or puts another into its place. STATUS_UNKNOWN_KEY, STATUS_REVOKED_KEY; what storage says. */
[[nodiscard]] enum status keys_revoke(struct span id, const uint8_t *public_key, struct refusal *refusal);

/* The i-th key as it is now; false at the end. */
struct key_state {
    const struct policy_key *rights;
    struct key_record *record;
    uint8_t id[KEY_ID_BYTES];
};
[[nodiscard]] bool keys_at(uint32_t i, struct key_state *out);
[[nodiscard]] uint32_t keys_open_doors(void);

/* Storage, where there is some: what was kept, and what to call when it changes. */
typedef enum status (*keys_save)(const struct key_record records[KEY_RECORDS]);
void keys_keep(const struct key_record records[KEY_RECORDS], keys_save save);
[[nodiscard]] bool keys_are_kept(void);
