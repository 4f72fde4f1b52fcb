/** The shape of a board's facts. Sources: the SoC's manuals and device trees; `tried` says how far this was run. */

export type BootPath =
  /** QEMU's -kernel */
  | 'virtual'
  /** firmware on the SD card or over USB reads config.txt and the kernel */
  | 'raspberry-pi'
  /** UEFI starts EFI/BOOT/BOOTAA64.EFI from a disk */
  | 'uefi'
  /** U-Boot starts the Image by extlinux or booti */
  | 'u-boot';

export type QemuMachine = {
  readonly machine: string;
  readonly cpu?: string;
  readonly memory: string;
  readonly cores: number;
  /** Oldest QEMU that has this machine. */
  readonly minimum: number;
};

export type Board = {
  readonly name: string;
  readonly model: string;
  readonly soc: string;
  readonly cpu: 'cortex-a53' | 'cortex-a57' | 'cortex-a72' | 'cortex-a76' | 'cortex-a78ae';
  readonly cores: number;
  /** Class that patches are made for: one image and one instruction set serve them all. */
  readonly boardClass: 'aarch64';
  readonly bootPath: BootPath;
  readonly console: string;
  /** Where a person connects the console; none for a board that is only emulated. */
  readonly wiring?: readonly string[];
  readonly interruptController: 'bcm2836' | 'gicv2' | 'gicv3';
  readonly coreStart: 'psci' | 'spin-table';
  /**
   * What the vendor's firmware reads from the boot folder, and nobody else may hand out: its own files (the BCM2712 has them in
   * its EEPROM, but for what it lays over the tree), and its device tree of the board. Names as in the folder boot/ of github.com/raspberrypi/firmware.
   */
  readonly firmware?: { readonly files: readonly string[]; readonly tree: string };
  /** Has storage on the module itself, which a host can write through the boot ROM. */
  readonly hasStorage?: boolean;
  /** vendor:product of the boot ROM on USB, where it has one. */
  readonly usbBoot?: readonly { readonly vendor: number; readonly product: number }[];
  /** How a person puts the board into the USB mode of its boot ROM. Sources: usbboot's Readme, jetson-flash's guides. */
  readonly bootMode?: readonly string[];
  /** What that mode is good for here, where the image does not go that way. */
  readonly afterBootMode?: readonly string[];
  /** Source in dts/, where the loader brings none. */
  readonly dts?: string;
  readonly qemu?: QemuMachine;
  /** `emulated`: boots in QEMU on every test run; `untried`: facts only, never booted. */
  readonly tried: 'emulated' | 'untried';
};
