#pragma once
/* SMP messages (Zephyr smp_protocol.rst): header, groups, errors. Knows no transport. */

#include "gen/abi_messages.h"
#include "lib/cbor.h"
#include "lib/span.h"
#include "patch/service.h"
#include <stdint.h>

constexpr uint32_t SMP_HEADER_BYTES = 8;
constexpr uint32_t SMP_ERROR_BYTES = 32; /* room for a reply that carries nothing but {rc} */

enum smp_op : uint8_t {
    SMP_READ = 0,
    SMP_READ_REPLY = 1,
    SMP_WRITE = 2,
    SMP_WRITE_REPLY = 3,
};

/* Header as in the document: `res:3 ver:2 op:3 | flags | len u16be | group u16be | seq u8 | command u8`. */
struct smp_header {
    uint8_t version; /* 0: v1, 1: v2 */
    enum smp_op op;
    uint16_t length;
    uint16_t group;
    uint8_t sequence;
    uint8_t command;
    uint8_t flags; /* SMP defines none; the reply has the request's, by which hosts on one line tell their own replies */
};

/* False when the bytes are too few for a header. */
[[nodiscard]] bool smp_header_load(struct smp_header *out, struct span message);

/* Does what the message asks for and writes the reply into `reply`; returns its size, 0 when there is nothing to say:
 * no request, or not even a header. Every request gets a reply. `status` is what the reply carries. */
[[nodiscard]] uint32_t smp_answer(struct span message, uint8_t reply[SMP_BUFFER_BYTES], enum status *status);

/* Tells the sender of a message above SMP_BUFFER_BYTES so. `beginning` is what is there of it, not covered by any CRC:
 * returns 0 unless it is a request whose own length agrees with `announced`, the size of the whole. */
[[nodiscard]] uint32_t smp_refuse_oversize(struct span beginning, uint32_t announced, uint8_t reply[SMP_ERROR_BYTES]);

/* One command of a group. The payload is what follows the header; the reply's map goes to `out`.
 * STATUS_NOT_SUPPORTED: no such command, or not with this operation. STATUS_INVALID_ARGUMENT: payload not understood. */
typedef enum status (*smp_group)(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                                 struct refusal *refusal);

enum status os_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                     struct refusal *refusal);
enum status image_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                        struct refusal *refusal);
enum status stat_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                       struct refusal *refusal);
enum status velocity_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                           struct refusal *refusal);
enum status signed_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                         struct refusal *refusal);

/* The handler of a group; null when there is none. */
[[nodiscard]] smp_group smp_group_of(uint16_t id);
