import type { ExecutionContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { KnoxAuthGuard } from 'nestjs-knox';
import { MeController, User } from './app';

describe('MeController, its guard overridden', () => {
  it('answers the user that the stand-in names', async () => {
    const user = Object.assign(new User(), { id: 7, username: 'grace' });
    const module = await Test.createTestingModule({ controllers: [MeController] })
      .overrideGuard(KnoxAuthGuard)
      .useValue({
        canActivate(context: ExecutionContext) {
          context.switchToHttp().getRequest<{ user: User }>().user = user;
          return true;
        },
      })
      .compile();
    const app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    try {
      const answer = await fetch(`${await app.getUrl()}/me`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ username: 'grace', isUser: true });
    } finally {
      await app.close();
    }
  });
});
