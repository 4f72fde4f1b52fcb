#pragma once

#include "bpf/verifier/platform.h"

extern const struct bpf_platform platform_linux;
