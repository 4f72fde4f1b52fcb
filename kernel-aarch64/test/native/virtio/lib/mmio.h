#pragma once
#include "test/native/card/lib/mmio.h"
