#pragma once
#include "test/native/card/lib/sysreg.h"
