/* The payload of a request of group 64; the first byte says which. What is decoded lies in the input. */
#include "gen/abi_messages.h"
#include "check.h"

#define DECODE(name, id)                                                    \
    case id: {                                                                        \
        struct msg_##name##_request request;                                          \
        const enum status status = decode_##name##_request(&in, &request);            \
        MUST(status == STATUS_OK || status == STATUS_INVALID_ARGUMENT);               \
        MUST(status != STATUS_OK || in.pos == in.size);                               \
        break;                                                                        \
    }
#define NOTHING(name, id)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) { return 0; }
    struct cbor_reader in = {data + 1, (uint32_t)size - 1, 0};
    switch (data[0]) { MESSAGE_SHAPES(DECODE, DECODE, NOTHING, NOTHING) }
    return 0;
}
