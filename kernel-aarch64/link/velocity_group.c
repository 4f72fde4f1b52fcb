/* SMP group 64: each message of abi/messages.ts is decoded, handled by patch/service.h, and its response encoded. */
#include "link/smp.h"
#include "trust/keys.h"

typedef enum status (*handler)(const void *request, void *response, struct refusal *refusal);

#define CALL_BOTH(name, id) \
    static enum status call_##name(const void *in, void *out, struct refusal *refusal) { return handle_##name(in, out, refusal); }
#define CALL_REQUEST(name, id) \
    static enum status call_##name(const void *in, void *, struct refusal *refusal) { return handle_##name(in, refusal); }
#define CALL_RESPONSE(name, id) \
    static enum status call_##name(const void *, void *out, struct refusal *refusal) { return handle_##name(out, refusal); }
#define CALL_BARE(name, id) \
    static enum status call_##name(const void *, void *, struct refusal *refusal) { return handle_##name(refusal); }

MESSAGE_SHAPES(CALL_BOTH, CALL_REQUEST, CALL_RESPONSE, CALL_BARE)

static const struct {
    handler call;
    uint16_t request; /* in message_records; 0: none */
    uint16_t response; /* 0: an empty map */
    uint16_t door;
    enum smp_op op;
} COMMANDS[] = {
#define COMMAND_ROW(name, id, is_write, door, request, response) \
    [id] = {call_##name, request, response, door, is_write ? SMP_WRITE : SMP_READ},
    MESSAGE_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
};

#define NOTHING(name, id)
#define REQUEST_MEMBER(name, id) struct msg_##name##_request name;
#define RESPONSE_MEMBER(name, id) struct msg_##name##_response name;
union any_request {
    MESSAGE_SHAPES(REQUEST_MEMBER, REQUEST_MEMBER, NOTHING, NOTHING)
};
union any_response {
    MESSAGE_SHAPES(RESPONSE_MEMBER, NOTHING, RESPONSE_MEMBER, NOTHING)
};

enum status velocity_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                           struct refusal *refusal) {
    if (header->command >= sizeof COMMANDS / sizeof COMMANDS[0]) { return STATUS_NOT_SUPPORTED; }
    const auto row = &COMMANDS[header->command];
    if (!row->call || row->op != header->op) { return STATUS_NOT_SUPPORTED; }
    enum status status = door_check(row->door, refusal);
    union any_request request = {};
    union any_response response = {};
    if (status == STATUS_OK && row->request != 0) { status = record_decode(message_records + row->request, in, &request); }
    if (status == STATUS_OK) { status = row->call(&request, &response, refusal); }
    if (status == STATUS_OK) { record_encode(message_records + row->response, out, &response); }
    return status;
}
