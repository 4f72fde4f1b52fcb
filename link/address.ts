/** Addresses of ports as people write them: a device path, `tcp:HOST:PORT`, `unix:PATH`. */
import { AddressError } from './errors.ts';
import { openSerial, type SerialOptions } from './serial.ts';
import { openTcp, openUnix } from './socket.ts';
import type { Transport } from './transport.ts';

export type Address =
  | { readonly kind: 'serial'; readonly path: string }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

const parseTcp = (address: string): Address => {
  const match = /^tcp:(?:\/\/)?(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535)
    throw new AddressError(address, 'tcp needs a host and a port 1..65535');
  return { kind: 'tcp', host: (match[1] ?? match[2])!, port };
};

/** @throws AddressError */
export const parseAddress = (address: string): Address => {
  if (address.startsWith('tcp:')) return parseTcp(address);
  const unix = address.startsWith('unix:');
  const path = unix ? address.slice('unix:'.length) : address;
  if (path === '') throw new AddressError(address, 'the path is empty');
  return { kind: unix ? 'unix' : 'serial', path };
};

/** Opens what an address names. @throws AddressError, UnpluggedError, PermissionError, PortBusyError, LinkTimeoutError */
export const openTransport = async (address: string, options: SerialOptions = {}): Promise<Transport> => {
  const parsed = parseAddress(address);
  switch (parsed.kind) {
    case 'tcp':
      return openTcp(parsed.host, parsed.port);
    case 'unix':
      return openUnix(parsed.path);
    case 'serial':
      return openSerial(parsed.path, options);
  }
};
