#pragma once
/* Stands in for smp/core.h: the test says which core it is. */
#define core_id core_id_of_the_register
#include "../../../../smp/core.h"
#undef core_id
uint32_t core_id(void);
