/* SMP group 65: a command of another group, signed (abi/policy.ts). What its signer may do it may do. */
#include "gen/abi_policy.h"
#include "link/map.h"
#include "link/smp.h"
#include "patch/command.h"
#include "trust/keys.h"

enum : uint8_t { SIGNED_COMMAND = 0 };

static enum status carry_out(const struct command *command, const struct smp_header *header, struct cbor_writer *out,
                             struct refusal *refusal) {
    const smp_group handle = command->group == SMP_GROUP_SIGNED ? nullptr : smp_group_of((uint16_t)command->group);
    if (handle == nullptr) { return STATUS_NOT_SUPPORTED; }
    struct smp_header inner = *header;
    inner.group = (uint16_t)command->group;
    inner.command = (uint8_t)command->command;
    struct cbor_reader in = {command->payload.data, command->payload.size, 0};
    keys_assume(&command->signer);
    const enum status status = handle(&inner, &in, out, refusal);
    keys_assume(nullptr);
    return status;
}

enum status signed_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                         struct refusal *refusal) {
    struct span message;
    struct command command;
    if (header->op != SMP_WRITE || header->command != SIGNED_COMMAND) { return STATUS_NOT_SUPPORTED; }
    if (map_bytes(in, SPAN("m"), &message) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    const enum status status = command_open(message, &command, refusal);
    return status == STATUS_OK ? carry_out(&command, header, out, refusal) : status;
}
