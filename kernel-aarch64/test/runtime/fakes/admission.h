#pragma once
/* Verifier, compiler, signature and board as the native tests have them; what they answer is set by the test. */

#include "fakes.h"
#include "gen/abi_status.h"

extern enum status fake_cose_status;
extern enum status fake_period, fake_rate; /* what keys_check_period() and keys_check_rate() say */
extern enum status fake_verdict;
extern uint64_t fake_bound;
extern uint64_t fake_budget; /* of the signer */
extern void (*fake_meanwhile)(void); /* happens once, while the next program is verified */
extern uint64_t (*fake_program)(uint64_t, uint64_t); /* what compiled code does */
