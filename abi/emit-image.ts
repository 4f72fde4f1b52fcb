/** Emits the constants of images and slots for the kernel. */
import { header, keyDefines } from './emit-c.ts';
import * as image from './image.ts';

const list = (values: readonly number[]) => `{${values.map((value) => `${value}u`).join(', ')}}`;

export const emitImage = () =>
  header(
    'image.ts',
    [
      [
        `#define IMAGE_PAGE_BYTES ${image.IMAGE_PAGE_BYTES}u`,
        `#define UPDATE_MAGIC 0x${image.UPDATE_MAGIC.toString(16)}ull`,
        `#define UPDATE_HEADER_BYTES ${image.UPDATE_HEADER_BYTES}u`,
        `#define SLOT_PARTITION_TYPE 0x${image.SLOT_PARTITION_TYPE.toString(16)}u`,
        `#define SLOT_PARTITION_BYTES ${image.SLOT_PARTITION_BYTES}u`,
        `#define SECTOR_BYTES ${image.SECTOR_BYTES}u`,
        `#define RECORD_OFFSETS ${list(image.RECORD_OFFSETS)}`,
        `#define SLOT_OFFSETS ${list(image.SLOT_OFFSETS)}`,
        `#define SLOT_BYTES ${image.SLOT_BYTES}u`,
        `#define TEST_STARTS ${image.TEST_STARTS}u`,
        `#define CONFIRM_WITHIN_S ${image.CONFIRM_WITHIN_S}u`,
        `#define SMP_GROUP_IMAGE ${image.SMP_GROUP_IMAGE}u`,
      ].join('\n'),
      keyDefines('IMAGE_KEY', image.imageKeys),
      Object.entries(image.slotStates)
        .map(([name, { value, doc }]) => `#define SLOT_STATE_${name.toUpperCase()} ${value}u /* ${doc} */`)
        .join('\n'),
      Object.entries(image.imageNumbers)
        .map(([name, number]) => `#define IMAGE_NUMBER_${name.toUpperCase()} ${number}u`)
        .join('\n'),
      Object.entries(image.imageCommands)
        .map(([name, id]) => `#define IMAGE_COMMAND_${name.toUpperCase()} ${id}u`)
        .join('\n'),
    ].join('\n\n'),
  );
