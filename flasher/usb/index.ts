/** USB devices behind one typed interface. */
export {
  hex4,
  serialIndex,
  type UsbDevice,
  type UsbEndpoint,
  type UsbHost,
  type UsbIds,
  type UsbInterface,
  type UsbSetup,
  usbName,
} from './device.ts';
export { whyGarbled } from './garbled.ts';
export { nodeUsb } from './node-usb.ts';
export { installUdevRules, permissionHint, UDEV_RELOAD, UDEV_RULES_PATH, udevRules } from './udev.ts';
export { attachments, waitForDevice } from './wait.ts';
export { type WebUsb, type WebUsbDevice, webUsb, webUsbError } from './web-usb.ts';
