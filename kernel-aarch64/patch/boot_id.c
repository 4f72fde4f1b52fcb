#include "patch/boot_id.h"
#include "drivers/board.h"
#include "drivers/entropy.h"
#include "lib/mem.h"
#include "patch/text.h"

static struct {
    bool made;
    uint8_t id[BOOT_ID_BYTES];
    uint32_t entropy;
} boot;

/* At the first question rather than at start-up: that moment, too, is one that the board does not decide. */
static void make(void) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_start(&hash);
    sha256_add(&hash, span_of(build_id()));
    boot.entropy = entropy_add(&hash);
    sha256_end(&hash, digest);
    memcpy(boot.id, digest, sizeof(boot.id));
    boot.made = true;
}

const uint8_t *boot_id(void) {
    if (!boot.made) { make(); }
    return boot.id;
}

uint32_t boot_id_entropy(void) {
    (void)boot_id();
    return boot.entropy;
}
