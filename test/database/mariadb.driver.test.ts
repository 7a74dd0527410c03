import { expect, it, jest } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { MariadbDriver } from '../../lib/database/mariadb.driver.ts';

it.each(['stream', '_socket'])(
  'a connection whose stream is its %s keeps no process alive',
  async (name) => {
    const stream = { unref: jest.fn(), destroy: jest.fn() };
    const connection = { [name]: stream, destroy: jest.fn() };
    const runner = { databaseConnection: connection, release: () => Promise.resolve() };
    const driver = new MariadbDriver('mariadb');
    driver.unref(runner as unknown as QueryRunner);
    expect(stream.unref).toHaveBeenCalledTimes(1);
    await driver.discard(runner as unknown as QueryRunner);
    expect(connection.destroy).toHaveBeenCalledTimes(1);
    expect(stream.destroy).toHaveBeenCalledTimes(1);
  },
);
