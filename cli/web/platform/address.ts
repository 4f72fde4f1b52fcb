/** Stands in for `link/address.ts` in a browser, where a person chooses a port and no name opens one. */
import { AddressError } from '../../../link/errors.ts';

export const openTransport = async (address: string): Promise<never> => {
  throw new AddressError(address, 'a page opens no ports by their names');
};

export const parseAddress = (address: string): never => {
  throw new AddressError(address, 'a page opens no ports by their names');
};
