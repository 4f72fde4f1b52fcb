#pragma once

/* What patches and images are made for: one instruction set and one image serve all boards of a class. */
#define BOARD_CLASS "aarch64"
