import type { Command } from 'commander';
import { mapTypes } from '../../abi/index.ts';
import type { Response, VelocityLink } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { bytesOf, textOf } from '../map-bytes.ts';

type MapInfo = Response<'map_info'>;

const typeName = (type: number) =>
  Object.entries(mapTypes).find(([, id]) => id === type)?.[0] ?? String(type);

const isRing = ({ type }: MapInfo) => type === mapTypes.ringbuf;

/** Records of structs are mostly numbers of this size. */
const RECORD_UNIT = 8;

const mapNamed = async (link: VelocityLink, name: string): Promise<MapInfo> => {
  const maps = await link.maps();
  const found = maps.findLast((map) => map.name === name);
  if (found) return found;
  const names = maps.map((map) => map.name).join(', ');
  throw new UsageError(
    `the board has no map ${name}`,
    names ? `it has ${names}` : 'load a module that brings one',
  );
};

/** What has entries. @throws UsageError */
const entriesNamed = async (link: VelocityLink, name: string): Promise<MapInfo> => {
  const map = await mapNamed(link, name);
  if (isRing(map)) throw new UsageError(`${name} is a ring buffer`, `velocity map consume ${name}`);
  return map;
};

/** A per-core array gives the values of all cores, one after the other. */
const show = ({ output }: Context, map: MapInfo, key: Uint8Array, value: Uint8Array) =>
  output.fact(
    { event: 'entry', map: map.name, key, value },
    `${textOf(key)}  ${textOf(value, map.value_size)}`,
  );

const registerList = (parent: Command, context: Context) => {
  parent
    .command('list')
    .description('list the maps of a board')
    .addHelpText('after', '\nExample:\n  velocity map list --port /dev/ttyUSB0')
    .action(async (_options: object, command: Command) => {
      const maps = await withLink(context, boardOptionsOf(command), (link) => link.maps());
      for (const map of maps) {
        const facts = { event: 'map', ...map, type: typeName(map.type) };
        const holds = `${map.entries}/${map.max_entries}`;
        const what = isRing(map)
          ? `${holds} bytes wait`
          : `key ${map.key_size}, value ${map.value_size} bytes, ${holds} entries`;
        const line = `${map.name.padEnd(20)} ${facts.type.padEnd(12)} ${what}, held by ${map.users}`;
        context.output.fact(facts, line);
      }
      if (maps.length === 0) context.output.print('the board has no map');
    });
};

const registerDump = (parent: Command, context: Context) => {
  parent
    .command('dump')
    .description('print every entry of a map')
    .argument('<name>', 'name of the map')
    .addHelpText('after', '\nExample:\n  velocity map dump flows --port /dev/ttyUSB0 --json')
    .action(async (name: string, _options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), async (link) => {
        const map = await entriesNamed(link, name);
        for await (const { key, value } of link.mapEntries(map)) show(context, map, key, value);
      });
    });
};

const registerGet = (parent: Command, context: Context) => {
  parent
    .command('get')
    .description('print one entry of a map')
    .argument('<name>', 'name of the map')
    .argument('<key>', 'a number, or bytes as hex:0a000000')
    .addHelpText('after', '\nExample:\n  velocity map get fibonacci 1 --port /dev/ttyUSB0')
    .action(async (name: string, key: string, _options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), async (link) => {
        const map = await entriesNamed(link, name);
        const bytes = bytesOf(key, map.key_size, 'key');
        show(context, map, bytes, (await link.mapRead(name, bytes)).value);
      });
    });
};

type ConsumeOptions = { readonly follow?: boolean };

const registerConsume = (parent: Command, context: Context) => {
  parent
    .command('consume')
    .description('take the records of a ring buffer off the board, oldest first')
    .argument('<name>', 'name of the ring buffer')
    .option('--follow', 'go on until Ctrl-C')
    .addHelpText('after', '\nExample:\n  velocity map consume edges --follow --port /dev/ttyUSB0 --json')
    .action(async (name: string, { follow = false }: ConsumeOptions, command: Command) => {
      const { signal } = context.cleanup;
      await withLink(context, boardOptionsOf(command), async (link) => {
        const map = await mapNamed(link, name);
        if (!isRing(map)) throw new UsageError(`${name} is no ring buffer`, `velocity map dump ${name}`);
        for await (const { data, lost } of link.records(name, { follow, signal })) {
          if (lost > 0) context.output.note(`${lost} records before this one did not fit and are lost`);
          context.output.fact({ event: 'record', map: name, lost, data }, textOf(data, RECORD_UNIT));
        }
      });
    });
};

const registerSet = (parent: Command, context: Context) => {
  parent
    .command('set')
    .description('write one entry of a map; in a per-core array that of every core')
    .argument('<name>', 'name of the map')
    .argument('<key>', 'a number, or bytes as hex:0a000000')
    .argument('<value>', 'likewise')
    .addHelpText('after', '\nExample:\n  velocity map set fibonacci 0 30 --port /dev/ttyUSB0')
    .action(async (name: string, key: string, value: string, _options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), async (link) => {
        const map = await entriesNamed(link, name);
        const one = bytesOf(value, map.value_size, 'value');
        const copies = map.type === mapTypes.percpu_array ? (await link.info()).cores : 1;
        const keyBytes = bytesOf(key, map.key_size, 'key');
        await link.mapWrite(name, keyBytes, Buffer.concat(Array.from({ length: copies }, () => one)));
        show(context, map, keyBytes, (await link.mapRead(name, keyBytes)).value);
      });
    });
};

/** `velocity map …`: the memory that modules share and that outlives their versions. */
export const registerMap = (program: Command, context: Context): void => {
  const map = program.command('map').description('list, read and write the maps of a board');
  registerList(map, context);
  registerDump(map, context);
  registerGet(map, context);
  registerSet(map, context);
  registerConsume(map, context);
};
