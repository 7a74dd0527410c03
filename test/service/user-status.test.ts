import { afterEach, describe, expect, it } from '@jest/globals';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import {
  AbstractAuthToken,
  AuthToken,
  KnoxConfigError,
  TokenService,
  type KnoxModuleOptions,
} from '../../lib/index.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

@Entity()
class Visitor {
  @PrimaryGeneratedColumn()
  id!: number;
}

@Entity()
class VisitorToken extends AbstractAuthToken<Visitor> {
  @ManyToOne(() => Visitor, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Visitor;
}

@Entity()
class Agent {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'boolean', default: true, select: false })
  isActive!: boolean;
}

@Entity()
class AgentToken extends AbstractAuthToken<Agent> {
  @ManyToOne(() => Agent, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Agent;
}

const DEBUG_LINE = 'Visitor has no isActive column: all its users count as active.';

const of = (entities: (new () => object)[], options: KnoxModuleOptions = {}) => ({
  imports: [memoryDatabase({ entities }), knox(options)],
});
const visitors = (options: KnoxModuleOptions = {}) =>
  of([Visitor, VisitorToken], { tokenEntity: VisitorToken, ...options });
const agents = (options: KnoxModuleOptions = {}) =>
  of([Agent, AgentToken], { tokenEntity: AgentToken, ...options });

/** Starts the module. Gives its log lines about isActive. */
async function said(metadata: ReturnType<typeof of>) {
  const log = new LogRecorder();
  const app = await startModule(metadata, log);
  const lines = log.lines.filter(({ message }) => message.includes('isActive'));
  return { app, lines: lines.map(({ level, message, rest }) => [level, message, ...rest]), log };
}

afterEach(closeModules);

describe('At the start, an owner', () => {
  describe('without an isActive column', () => {
    it('counts as active, which is logged once, at debug level', async () => {
      const { app, lines, log } = await said(visitors());
      expect(lines).toEqual([['debug', DEBUG_LINE, 'KnoxModule']]);
      const tokens = app.get<TokenService<VisitorToken>>(TokenService);
      const visitor = Object.assign(new Visitor(), { id: 1 });
      await expect(tokens.create(visitor)).rejects.toMatchObject({ code: 'user_inactive' });
      expect(log.lines.filter(({ message }) => message === DEBUG_LINE)).toHaveLength(1);
    });

    it('logs nothing where isUserActive decides', async () => {
      expect((await said(visitors({ isUserActive: () => true }))).lines).toEqual([]);
    });
  });

  describe('with an isActive column', () => {
    it('logs nothing', async () => {
      expect((await said(of([User, AuthToken]))).lines).toEqual([]);
    });
  });

  describe('with an isActive column that is never loaded', () => {
    it('stops the start', async () => {
      const error = await startError(agents());
      expect(error).toBeInstanceOf(KnoxConfigError);
      expect(error.message).toBe(
        'KnoxModule option "isUserActive": Agent.isActive has select: false, so that it is never ' +
          'loaded; take that off, or give isUserActive.',
      );
    });

    it('does not stop the start where isUserActive decides', async () => {
      expect((await said(agents({ isUserActive: () => true }))).lines).toEqual([]);
    });
  });
});
