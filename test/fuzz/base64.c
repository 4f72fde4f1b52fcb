/* Text that decodes is the one encoding of its bytes. */
#include "lib/base64.h"
#include "check.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct span text = {data, (uint32_t)size};
    const uint32_t capacity = (uint32_t)size / 4 * 3;
    uint8_t *bytes = malloc(capacity + 1u);
    uint32_t count = 0;
    if (base64_decode(text, bytes, capacity, &count) == STATUS_OK) {
        uint8_t *again = malloc(size + 4);
        MUST(count <= capacity);
        MUST(base64_encode((struct span){bytes, count}, again) == size && memcmp(again, data, size) == 0);
        free(again);
    }
    free(bytes);
    return 0;
}
