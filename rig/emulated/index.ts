/** Emulated devices in their boot modes, with faults on demand. */
export {
  BootRom,
  type BootRomOptions,
  type ChipName,
  defaultScript,
  fileMessage,
  type ScriptStep,
} from './boot-rom.ts';
export { type DiskFault, EmulatedDisk } from './disk.ts';
export { FastbootDevice, type FastbootDeviceOptions } from './fastboot-device.ts';
export { type NetworkFault, type NetworkServer, serveFastbootTcp, serveFastbootUdp } from './fastboot-net.ts';
export { FASTBOOT_IDS, fastbootUsb } from './fastboot-usb.ts';
export type { Fault } from './faults.ts';
export { UBootBoard, type UBootFault } from './u-boot.ts';
export { EmulatedBus, type UsbSocket } from './usb-bus.ts';
export { Garble, Stall, Unplug, type UsbDescriptor, type UsbFunction } from './usb-function.ts';
export { USBIP_PORT, UsbIpServer } from './usbip.ts';
export { UsbRedirPort } from './usbredir.ts';
