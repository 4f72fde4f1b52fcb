#pragma once
/* Stands in for lib/barrier.h: the device (virtio_device.c) sees of memory what lies before a barrier. */
void barrier_dmb(void);
void barrier_dsb(void);
