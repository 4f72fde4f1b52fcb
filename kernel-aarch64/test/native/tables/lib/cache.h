#pragma once
/* Stands in for lib/cache.h: what is done is written down (tables_host.c). */
#include <stdint.h>

uint64_t data_line_bytes(void);
uint64_t code_line_bytes(void);
void data_line_publish(uint64_t addr);
void data_line_drop(uint64_t addr);
void code_line_drop(uint64_t addr);
void translation_drop(uint64_t addr);
