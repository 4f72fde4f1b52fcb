#pragma once
/* What can be wrong with the card of medium_card.c. */

#include <stdint.h>

/* Once, at the next occasion. */
enum card_fault : uint32_t {
    FAULT_NONE,
    FAULT_SILENT,     /* a command gets no answer */
    FAULT_STUCK,      /* the controller does not even say so */
    FAULT_ANSWER,     /* a command with data gets an answer that tells of an error, and no data */
    FAULT_DATA_READY, /* an error with what says that data are ready */
    FAULT_DATA_DONE,  /* or done */
    FAULTS
};
extern enum card_fault card_fault;

extern struct card_kind {
    bool standard;      /* capacity: addresses are those of bytes */
    bool no_controller; /* that could have it: the tree names another one only */
} card_kind;

extern uint32_t card_pins[3]; /* GPFSEL3 to GPFSEL5 */
