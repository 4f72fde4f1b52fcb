/* SMP group 64: each message of abi/messages.ts is decoded, handled by patch/service.h, and its response encoded. */
#include "link/smp.h"
#include "trust/keys.h"

typedef enum status (*command)(struct cbor_reader *in, struct cbor_writer *out, struct refusal *refusal);

#define ANSWER_BOTH(name, id, is_write)                                                                              \
    static enum status answer_##name(struct cbor_reader *in, struct cbor_writer *out, struct refusal *refusal) {     \
        struct msg_##name##_request request;                                                                        \
        struct msg_##name##_response response = {};                                                                 \
        if (decode_##name##_request(in, &request) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }                  \
        const enum status status = handle_##name(&request, &response, refusal);                                     \
        if (status == STATUS_OK) { encode_##name##_response(out, &response); }                                       \
        return status;                                                                                               \
    }

#define ANSWER_REQUEST(name, id, is_write)                                                                           \
    static enum status answer_##name(struct cbor_reader *in, struct cbor_writer *, struct refusal *refusal) {        \
        struct msg_##name##_request request;                                                                        \
        if (decode_##name##_request(in, &request) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }                  \
        return handle_##name(&request, refusal);                                                                     \
    }

#define ANSWER_RESPONSE(name, id, is_write)                                                                          \
    static enum status answer_##name(struct cbor_reader *, struct cbor_writer *out, struct refusal *refusal) {       \
        struct msg_##name##_response response = {};                                                                 \
        const enum status status = handle_##name(&response, refusal);                                               \
        if (status == STATUS_OK) { encode_##name##_response(out, &response); }                                       \
        return status;                                                                                               \
    }

#define ANSWER_BARE(name, id, is_write)                                                                              \
    static enum status answer_##name(struct cbor_reader *, struct cbor_writer *, struct refusal *refusal) {          \
        return handle_##name(refusal);                                                                               \
    }

MESSAGE_SHAPES(ANSWER_BOTH, ANSWER_REQUEST, ANSWER_RESPONSE, ANSWER_BARE)

static const struct {
    command answer;
    enum smp_op op;
    uint32_t door;
} COMMANDS[] = {
#define COMMAND_ROW(name, id, is_write, door) [id] = {answer_##name, is_write ? SMP_WRITE : SMP_READ, door},
    MESSAGE_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
};

enum status velocity_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                           struct refusal *refusal) {
    if (header->command >= sizeof COMMANDS / sizeof COMMANDS[0]) { return STATUS_NOT_SUPPORTED; }
    const auto row = &COMMANDS[header->command];
    if (!row->answer || row->op != header->op) { return STATUS_NOT_SUPPORTED; }
    const enum status status = door_check(row->door, refusal);
    return status == STATUS_OK ? row->answer(in, out, refusal) : status;
}
