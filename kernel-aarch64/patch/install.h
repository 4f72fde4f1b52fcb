#pragma once
/* Admission of a signed patch. Core 0, outside interrupts. */

#define BOARD_CLASS "aarch64"
