#include "patch/stage.h"
#include "lib/mem.h"
#include "lib/refusal.h"
#include "lib/sha2.h"
#include "mm/pool.h"
#include "patch/service.h"

static struct {
    uint8_t *data; /* STAGE_BYTES; from the pool at the first use, so that start-up need not clear it */
    uint32_t size; /* announced; 0: nothing is being staged */
    uint32_t received;
    uint8_t sha[SHA256_BYTES];
} stage;

static enum status have_buffer(void) {
    if (stage.data != nullptr) { return STATUS_OK; }
    void *memory = nullptr;
    const enum status status = pool_alloc(STAGE_BYTES, 64, &memory);
    stage.data = memory;
    return status;
}

/* Offset 0 announces length and hash. What was announced already goes on where it stopped. */
static enum status begin(const struct msg_stage_request *request, struct refusal *refusal) {
    if (!request->has_len || !request->has_sha || request->sha.size != SHA256_BYTES) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "offset 0 needs len and the 32 bytes of sha");
    }
    if (request->len == 0 || request->len > STAGE_BYTES) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "len %u is not in 1..%u", request->len, STAGE_BYTES);
    }
    if (stage.size == request->len && memcmp(stage.sha, request->sha.data, SHA256_BYTES) == 0) { return STATUS_OK; }
    stage.size = request->len;
    stage.received = 0;
    memcpy(stage.sha, request->sha.data, SHA256_BYTES);
    return STATUS_OK;
}

/* Two hosts may speak to one board: what one says of its upload does not hold for the other's. */
static bool is_taken(bool has_sha, struct span sha) {
    return has_sha && !span_equal(sha, (struct span){stage.sha, sizeof(stage.sha)});
}

/* Only bytes at the expected offset are taken; the reply tells the host where to go on in any case. */
static void take(uint32_t offset, struct span data) {
    if (offset != stage.received) { return; }
    memcpy(stage.data + offset, data.data, data.size);
    stage.received += data.size;
}

enum status handle_stage(const struct msg_stage_request *request, struct msg_stage_response *response,
                         struct refusal *refusal) {
    enum status status = have_buffer();
    if (status == STATUS_OK && request->off == 0) { status = begin(request, refusal); }
    if (status != STATUS_OK) { return status; }
    if (stage.size == 0) { return REFUSE(refusal, STATUS_BAD_STATE, "nothing is being staged; begin at offset 0"); }
    if (is_taken(request->has_sha, request->sha)) { return STATUS_UPLOAD_TAKEN; }
    if (request->off > stage.size || request->data.size > stage.size - request->off) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "%u bytes at %u go beyond the announced %u", request->data.size,
                      request->off, stage.size);
    }
    take(request->off, request->data);
    response->off = stage.received;
    return STATUS_OK;
}

enum status stage_get(bool has_sha, struct span sha, struct span *out, struct refusal *refusal) {
    if (stage.size == 0) { return REFUSE(refusal, STATUS_BAD_STATE, "nothing is staged"); }
    if (is_taken(has_sha, sha)) { return STATUS_UPLOAD_TAKEN; }
    if (stage.received != stage.size) {
        return REFUSE(refusal, STATUS_BAD_STATE, "%u of %u bytes are staged", stage.received, stage.size);
    }
    uint8_t digest[SHA256_BYTES];
    const struct span data = {stage.data, stage.size};
    sha256(data, digest);
    if (memcmp(digest, stage.sha, SHA256_BYTES) != 0) {
        stage.size = 0;
        return STATUS_STAGE_HASH;
    }
    *out = data;
    return STATUS_OK;
}
