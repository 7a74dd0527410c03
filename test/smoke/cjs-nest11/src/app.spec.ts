import { Injectable, type INestApplication } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { TokenService, UserLoggedInEvent } from 'nestjs-knox';
import { describeKnox } from 'nestjs-knox/swagger';
import { DataSource } from 'typeorm';
import { AppModule, User } from './app';

@Injectable()
class Listener {
  readonly received: UserLoggedInEvent[] = [];

  @OnEvent('knox.user.logged_in')
  onLogin(event: UserLoggedInEvent): void {
    this.received.push(event);
  }
}

describe('AppModule, with KnoxModule for real', () => {
  let app: INestApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [AppModule, EventEmitterModule.forRoot()],
      providers: [Listener],
    }).compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
  });
  afterAll(() => app.close());

  it('logs in, and tells the listener', async () => {
    const answer = await fetch(`${await app.getUrl()}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'ada', password: 'correct horse' }),
    });
    expect(answer.status).toBe(200);
    const [event] = app.get(Listener).received;
    expect(event).toBeInstanceOf(UserLoggedInEvent);
    expect(event?.user).toBeInstanceOf(User);
  });

  it('takes a token that TokenService made', async () => {
    const user = await app.get(DataSource).getRepository(User).findOneByOrFail({ username: 'ada' });
    const { token } = await app.get(TokenService).create(user);
    const answer = await fetch(`${await app.getUrl()}/me`, {
      headers: { authorization: `Token ${token}` },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ username: 'ada', isUser: true });
  });

  it('describes itself to OpenAPI', () => {
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const { paths } = describeKnox(app, document);
    expect(paths['/me']?.get?.security).toEqual([{ knox: [] }]);
    expect(paths['/auth/login']?.post?.requestBody).toBeDefined();
  });
});
