#include "link/smp.h"
#include "gen/abi_image.h"
#include "gen/abi_policy.h"
#include "lib/printable.h"

constexpr uint8_t VERSION_2 = 1;

struct group {
    uint16_t id;
    bool own_statuses; /* v2 tells them as {err: {group, rc}}; the others use the codes of SMP itself, {rc} */
    smp_group handle;
};

static const struct group GROUPS[] = {
    {0, false, os_group},
    {SMP_GROUP_IMAGE, true, image_group},
    {2, false, stat_group},
    {SMP_GROUP_VELOCITY, true, velocity_group},
    {SMP_GROUP_SIGNED, true, signed_group},
};

bool smp_header_load(struct smp_header *out, struct span message) {
    if (message.size < SMP_HEADER_BYTES) { return false; }
    const uint8_t *b = message.data;
    *out = (struct smp_header){
        .version = b[0] >> 3 & 3u,
        .op = b[0] & 7u,
        .length = (uint16_t)(b[2] << 8 | b[3]),
        .group = (uint16_t)(b[4] << 8 | b[5]),
        .sequence = b[6],
        .command = b[7],
        .flags = b[1],
    };
    return true;
}

static void header_store(uint8_t *b, const struct smp_header *header) {
    b[0] = (uint8_t)(header->version << 3 | header->op);
    b[1] = header->flags;
    b[2] = (uint8_t)(header->length >> 8);
    b[3] = (uint8_t)header->length;
    b[4] = (uint8_t)(header->group >> 8);
    b[5] = (uint8_t)header->group;
    b[6] = header->sequence;
    b[7] = header->command;
}

static bool is_request(const struct smp_header *header) { return header->op == SMP_READ || header->op == SMP_WRITE; }

static const struct group *find_group(uint16_t id) {
    for (uint32_t i = 0; i < sizeof GROUPS / sizeof GROUPS[0]; i++) {
        if (GROUPS[i].id == id) { return &GROUPS[i]; }
    }
    return nullptr;
}

smp_group smp_group_of(uint16_t id) {
    const struct group *group = find_group(id);
    return group == nullptr ? nullptr : group->handle;
}

static struct span text_of(const char *text) {
    struct span out = {(const uint8_t *)text, 0};
    while (text[out.size] != 0) { out.size++; }
    return out;
}

/* v1 knows {rc} only; v2 adds {err: {group, rc}}, and we put the particulars of a refusal beside it. */
static void put_error(struct cbor_writer *out, uint16_t group, enum status status, const struct refusal *refusal) {
    const bool has_message = refusal->message[0] != 0;
    cbor_put_map(out, 1u + refusal->has_insn + has_message);
    cbor_put_text(out, SPAN("err"));
    cbor_put_map(out, 2);
    cbor_put_text(out, SPAN("group"));
    cbor_put_uint(out, group);
    cbor_put_text(out, SPAN("rc"));
    cbor_put_uint(out, status);
    if (refusal->has_insn) {
        cbor_put_text(out, SPAN("insn"));
        cbor_put_uint(out, refusal->insn);
    }
    if (has_message) {
        cbor_put_text(out, SPAN("msg"));
        cbor_put_text(out, text_of(refusal->message));
    }
}

static void put_smp_error(struct cbor_writer *out, enum status status) {
    cbor_put_map(out, 1);
    cbor_put_text(out, SPAN("rc"));
    cbor_put_uint(out, status);
}

/* Puts the header in front of the payload that `out` holds; returns the size of the whole. */
static uint32_t finish(uint8_t *reply, const struct smp_header *request, const struct cbor_writer *out) {
    struct smp_header header = *request;
    header.op = request->op == SMP_WRITE ? SMP_WRITE_REPLY : SMP_READ_REPLY;
    header.length = (uint16_t)out->size;
    header_store(reply, &header);
    return SMP_HEADER_BYTES + out->size;
}

static uint32_t answer_error(uint8_t *reply, const struct smp_header *request, enum status status) {
    struct cbor_writer out = {reply + SMP_HEADER_BYTES, SMP_ERROR_BYTES - SMP_HEADER_BYTES, 0, false};
    put_smp_error(&out, status);
    return finish(reply, request, &out);
}

/* A request whose group exists. */
static uint32_t answer_group(uint8_t *reply, const struct smp_header *request, const struct group *group,
                             struct span payload, enum status *status) {
    const struct cbor_writer empty = {reply + SMP_HEADER_BYTES, SMP_BUFFER_BYTES - SMP_HEADER_BYTES, 0, false};
    struct cbor_writer out = empty;
    struct cbor_reader in = {payload.data, payload.size, 0};
    struct refusal refusal = {};
    *status = group->handle(request, &in, &out, &refusal);
    make_printable(refusal.message); /* it quotes what was asked for */
    if (*status == STATUS_OK && out.overflow) { *status = STATUS_TOO_LONG; }
    if (*status != STATUS_OK) {
        out = empty;
        if (request->version == VERSION_2 && group->own_statuses) {
            put_error(&out, group->id, *status, &refusal);
        } else {
            put_smp_error(&out, *status);
        }
    }
    if (out.size == 0) { cbor_put_map(&out, 0); } /* success without anything to say */
    return finish(reply, request, &out);
}

uint32_t smp_answer(struct span message, uint8_t reply[SMP_BUFFER_BYTES], enum status *status) {
    struct smp_header header;
    *status = STATUS_OK;
    if (!smp_header_load(&header, message) || !is_request(&header)) { return 0; }
    const struct span payload = {message.data + SMP_HEADER_BYTES, message.size - SMP_HEADER_BYTES};
    const struct group *group = find_group(header.group);
    if (header.version > VERSION_2) {
        header.version = VERSION_2;
        *status = STATUS_PROTOCOL_TOO_NEW;
    } else if (header.length != payload.size) {
        *status = STATUS_CORRUPT;
    } else if (!group) {
        *status = STATUS_NOT_SUPPORTED;
    }
    if (*status != STATUS_OK) { return answer_error(reply, &header, *status); }
    return answer_group(reply, &header, group, payload, status);
}

uint32_t smp_refuse_oversize(struct span beginning, uint32_t announced, uint8_t reply[SMP_ERROR_BYTES]) {
    struct smp_header header;
    if (!smp_header_load(&header, beginning) || !is_request(&header)) { return 0; }
    if (header.version > VERSION_2 || SMP_HEADER_BYTES + header.length != announced) { return 0; }
    return answer_error(reply, &header, STATUS_TOO_LONG);
}
