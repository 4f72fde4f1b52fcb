#pragma once
/* The boot medium of a running board: what runs, what may run next, and what keys have become; and the image that may be
 * started in memory, without any medium. Core 0, outside interrupts. */

#include "update/loader.h"
#include "update/upload.h"

/* Reads what the loader left, opens the medium, and gives trust/keys.h what it keeps. When the firmware started this image,
 * it may start that of a slot instead and not return. Call it before other cores start. */
void update_start(const struct block_device *device, const void *tree, uint64_t tree_bytes, void (*close)(void));

/* Says on the console what the loader refused, once there is one. */
void update_report(void);

/* Resets the board when what runs did not confirm itself in time. Core 0, main loop. */
void update_poll(void);

[[nodiscard]] bool update_has_storage(void);
[[nodiscard]] uint32_t update_running(void); /* slot, or SLOT_NONE */
[[nodiscard]] const uint8_t *update_root(void); /* as the loader checked it, 32 bytes; null when none did */
[[nodiscard]] uint32_t update_confirm_in_s(void); /* 0: nothing is to be confirmed */
[[nodiscard]] const struct slot *update_slot(uint32_t slot);
[[nodiscard]] const struct slot *update_memory(void); /* as a slot; empty when nothing was put into memory */
[[nodiscard]] uint32_t update_active(void);
[[nodiscard]] bool update_is_running(struct span sha);

/* As update/upload.h and update/slots.h, for IMAGE_NUMBER_SLOTS or IMAGE_NUMBER_MEMORY; STATUS_NO_STORAGE, and
 * STATUS_NO_MEMORY where no memory is free beside this image. */
[[nodiscard]] enum status update_begin(uint32_t image, uint32_t size_bytes, struct span sha, struct refusal *refusal);
[[nodiscard]] enum status update_take(uint32_t image, struct span sha, uint32_t offset, struct span data,
                                      uint32_t *next, struct refusal *refusal);
[[nodiscard]] enum status update_erase(void);
/* Starts the slot that holds the update file of this hash at the next reset. STATUS_NO_ENTRY, STATUS_BAD_STATE. */
[[nodiscard]] enum status update_test(struct span sha, struct refusal *refusal);
[[nodiscard]] enum status update_confirm(struct refusal *refusal);

/* Has the image in memory that has this hash started at the next reset, in place of one. STATUS_NO_ENTRY; what
 * loader_load() says. */
[[nodiscard]] enum status update_test_memory(struct span sha, struct refusal *refusal);
/* A reset was asked for: true when an image in memory is to be started now; boot/takeover.h does. */
[[nodiscard]] bool update_reset(void);
/* Where that image lies, ready for loader_enter(); null when none is to be started. The question is answered once. */
[[nodiscard]] uint8_t *update_take_over(void);
