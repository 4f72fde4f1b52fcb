/** The part of `elf-tools` that is used; the package ships no types. */
declare module 'elf-tools' {
  export type SectionHeader = {
    name: string;
    type: string | undefined;
    addr: number;
    offset: number;
    size: number;
    link: number;
    info: number;
    entsize: number;
  };
  export type ProgramHeader = {
    type: string | undefined;
    offset: number;
    vaddr: number;
    paddr: number;
    filesz: number;
    memsz: number;
  };
  /** `parse` reverses 8-byte fields in place while it reads: give it a copy. */
  const elfTools: { parse(image: Buffer): Elf };
  export default elfTools;
  export type Elf = {
    header: {
      class: string;
      endian: string;
      type: string;
      machine: string;
      entry: number;
      [key: string]: unknown;
    };
    programs: { header: ProgramHeader; data: Buffer }[];
    sections: { header: SectionHeader; data: Buffer }[];
  };
}
