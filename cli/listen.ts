/** Options that say where to listen. */
import { InvalidArgumentError } from 'commander';
import { type ListenAddress, listenAddress } from '../monitor/index.ts';

/** A parser for commander. */
export const addressOption =
  (defaultPort: number) =>
  (text: string): ListenAddress => {
    const address = listenAddress(text, defaultPort);
    if (address) return address;
    throw new InvalidArgumentError('expected HOST:PORT, for example 127.0.0.1:9000');
  };

/** Commander gives `true` for an option whose value was left out. */
export const orDefault = (
  value: ListenAddress | true,
  parse: (text: string) => ListenAddress,
): ListenAddress => (value === true ? parse('') : value);
