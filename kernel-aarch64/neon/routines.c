#include "neon/routines.h"

static const neon_routine routines[VECTOR_COUNT] = {
#define ROW(name, id, ...) [(id) - VECTOR_ID_FIRST] = name,
    VECTOR_TABLE(ROW)
#undef ROW
};

neon_routine neon_routine_of(uint32_t place, uint32_t features) {
    switch (place + VECTOR_ID_FIRST) {
    case VL_CRC32: return features & NEON_CRC32 ? vl_crc32 : vl_crc32_table;
    case VL_DOT_I8: return features & NEON_DOTPROD ? vl_dot_i8_fast : vl_dot_i8;
    case VL_GEMV_I8: return features & NEON_DOTPROD ? vl_gemv_i8_fast : vl_gemv_i8;
    default: return place < VECTOR_COUNT ? routines[place] : nullptr;
    }
}
