import { freePorts } from '../support/ports.ts';
import { MariadbServer } from './mariadb-servers.ts';

export const GALERA_LIBRARY = '/usr/lib/galera/libgalera_smm.so';

/** Two nodes of a Galera cluster. */
export class GaleraCluster {
  readonly nodes: readonly [MariadbServer, MariadbServer];

  private constructor(nodes: [MariadbServer, MariadbServer]) {
    this.nodes = nodes;
  }

  static async start(): Promise<GaleraCluster> {
    const [first, second, ...rest] = (await freePorts(6)) as [number, number, ...number[]];
    const settings = (group: number, transfer: number, snapshot: number): string[] => [
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
      '--wsrep-on=ON',
      `--wsrep-provider=${GALERA_LIBRARY}`,
      '--wsrep-cluster-name=nestjs-knox',
      '--wsrep-node-address=127.0.0.1',
      `--wsrep-provider-options=${[
        `base_port=${String(group)}`,
        `gmcast.listen_addr=tcp://127.0.0.1:${String(group)}`,
        `ist.recv_addr=127.0.0.1:${String(transfer)}`,
        'gcache.size=16M',
        'pc.recovery=false',
      ].join(';')}`,
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=127.0.0.1:${String(snapshot)}`,
      '--wsrep-sync-wait=1',
    ];
    const writer = await MariadbServer.create(settings(first, rest[0]!, rest[1]!));
    // A node that joins copies all data from another node, so its folder is empty.
    const reader = await MariadbServer.create(settings(second, rest[2]!, rest[3]!), 'empty');
    const cluster = new GaleraCluster([writer, reader]);
    try {
      await writer.resume(['--wsrep-cluster-address=gcomm://', '--wsrep-new-cluster']);
      await reader.resume([`--wsrep-cluster-address=gcomm://127.0.0.1:${String(first)}`]);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}
