import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { openDatabase } from '../../lib/database/open-database.ts';

/** As the pool of typeorm-pglite: each of its clients is the one connection that there is. */
class SharedConnection extends EventEmitter {
  connect(done: (error: null, client: unknown, release: () => void) => void): void {
    done(null, this, () => undefined);
  }
  query(_text: string, ...rest: unknown[]): Promise<object> {
    const row = { version: '16.0', current_database: 'app', current_schema: 'public' };
    const done = rest.at(-1);
    if (typeof done === 'function') done(null, { rows: [row] });
    return Promise.resolve({ rows: [row] });
  }
  end(done: () => void): void {
    done();
  }
}

describe('openDatabase', () => {
  it('refuses a driver that has one connection for all', async () => {
    const dataSource = new DataSource({ type: 'postgres', driver: { Pool: SharedConnection } });
    await dataSource.initialize();
    expect(() => openDatabase(dataSource, { connections: 1, timeoutMs: 1_000 })).toThrow(
      'the `driver` of the data source has no pool of connections',
    );
    await dataSource.destroy();
  });

  it('refuses pg-native, which TypeORM takes wherever it is installed', async () => {
    /** As the client of pg.native: libpq reads the server's messages for it. */
    class NativeClient {
      static readonly Query = class {};
    }
    class NativePool extends SharedConnection {
      readonly totalCount = 1;
      readonly Client = NativeClient;
    }
    const native = { Pool: NativePool };
    const driver = { Pool: SharedConnection, native };
    const dataSource = new DataSource({ type: 'postgres', driver, nativeDriver: {} });
    await dataSource.initialize();
    expect(() => openDatabase(dataSource, { connections: 1, timeoutMs: 1_000 })).toThrow(
      /option "dataSource": .*remove pg-native, or write `driver: \{ \.\.\.pg, native: undefined \}`/,
    );
    await dataSource.destroy();
  });
});
