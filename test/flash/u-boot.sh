#!/bin/sh
# Builds U-Boot 2023.01 for QEMU's virt from Debian's source, with fastboot over UDP and an SD controller on PCI, for
# test/flash/u-boot-fastboot.test.ts: no distribution ships one. Takes a minute; needs gcc-aarch64-linux-gnu, bison, flex,
# libssl-dev, and Debian's apt. Usage: test/flash/u-boot.sh [FOLDER]; u-boot.bin then lies in it.
set -eu
folder=${1:-$(dirname "$0")/../../build/peers/u-boot-fastboot}
mkdir -p "$folder"
cd "$folder"
if ! ls u-boot-2023.01*/Makefile >/dev/null 2>&1; then
  mkdir -p apt/lists/partial apt/cache/archives/partial
  mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' | sed -n '/security/d; s/^Debian //p' | head -n 1)
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >apt/sources.list
  options="-o Dir::Etc::sourcelist=$PWD/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$PWD/apt/lists -o Dir::Cache=$PWD/apt/cache"
  # shellcheck disable=SC2086 # several words
  apt-get $options update && apt-get $options --download-only source u-boot
  tar xf u-boot_*.orig.tar.xz
fi
cd u-boot-2023.01*
make -s qemu_arm64_defconfig
cat >>.config <<'END'
CONFIG_UDP_FUNCTION_FASTBOOT=y
CONFIG_FASTBOOT=y
CONFIG_FASTBOOT_BUF_ADDR=0x42000000
CONFIG_FASTBOOT_BUF_SIZE=0x04000000
CONFIG_FASTBOOT_FLASH=y
CONFIG_FASTBOOT_FLASH_MMC=y
CONFIG_FASTBOOT_FLASH_MMC_DEV=0
CONFIG_CMD_FASTBOOT=y
CONFIG_MMC=y
CONFIG_MMC_SDHCI=y
CONFIG_MMC_PCI=y
CONFIG_EFI_PARTITION=y
# CONFIG_TOOLS_MKEFICAPSULE is not set
END
make -s olddefconfig
make -s -j"$(nproc)" CROSS_COMPILE=aarch64-linux-gnu- u-boot.bin
cp u-boot.bin ..
