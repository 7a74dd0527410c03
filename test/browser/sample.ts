import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { Project, ROOT } from '../docs/project.ts';
import { HttpClient } from '../support/http-client.ts';

const SAMPLE = join(ROOT, 'sample/04-browser');

export const ADA = { username: 'ada', password: 'correct horse' };

/** sample/04-browser as a process, with a database of its own. */
export class Sample {
  readonly #project: Project;
  readonly port: string;
  /** Not with the process's requests, but beside it, as another client. */
  readonly client: HttpClient;

  private constructor(project: Project, port: string) {
    this.#project = project;
    this.port = port;
    this.client = new HttpClient(`http://127.0.0.1:${port}`);
  }

  static async start(env: Record<string, string> = {}): Promise<Sample> {
    const project = new Project();
    for (const file of readdirSync(join(SAMPLE, 'src'))) {
      project.add(file, readFileSync(join(SAMPLE, 'src', file), 'utf8'));
    }
    cpSync(join(SAMPLE, 'public'), join(project.folder, 'public'), { recursive: true });
    const running = project.start([], { PORT: '0', ...env });
    const [, port] = await running.printed(/Listening on http:\/\/localhost:(\d+)\./);
    return new Sample(project, port!);
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** Runs a statement beside the application. */
  async query(statement: string): Promise<Record<string, unknown>[]> {
    const database = join(this.#project.folder, 'app.db');
    const dataSource = await new DataSource({ type: 'better-sqlite3', database }).initialize();
    const rows = await dataSource.query(statement);
    await dataSource.destroy();
    return rows;
  }

  /** The names of the sessions that are left. */
  async sessions(): Promise<unknown[]> {
    const rows = await this.query('SELECT "name" FROM "knox_auth_token" ORDER BY "name"');
    return rows.map(({ name }) => name);
  }

  /** Ends the process, and deletes its folder. */
  stop(): Promise<void> {
    return this.#project.remove();
  }
}
