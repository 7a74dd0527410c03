import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { startApp, type TestApp } from '../support/app.ts';

describe('the recipe for OpenTelemetry', () => {
  let test: TestApp;
  const exporter = new InMemorySpanExporter();
  const channels = Object.getPrototypeOf(tracingChannel('any')) as TracingChannel;
  const subscribed = jest.spyOn(channels, 'subscribe');
  beforeAll(async () => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    await import('./recipes/opentelemetry.ts');
    test = await startApp();
  });
  afterAll(async () => {
    await test.close();
    trace.disable();
    // The channels are the process's, which goes on with other test files.
    for (const [index, channel] of (subscribed.mock.contexts as TracingChannel[]).entries()) {
      channel.unsubscribe(subscribed.mock.calls[index]![0]);
    }
    subscribed.mockRestore();
  });

  const taken = () => {
    const spans = exporter.getFinishedSpans().map(({ name, attributes, status }) => ({
      name,
      code: attributes['knox.code'],
      realm: attributes['knox.realm'],
      isError: status.code === SpanStatusCode.ERROR,
    }));
    exporter.reset();
    return spans;
  };
  const span = (name: string, code = 'ok', isError = false) => ({
    name,
    code,
    realm: 'api',
    isError,
  });

  it('makes a span of each login, use and logout', async () => {
    const token = await test.login();
    expect(taken()).toEqual([span('knox create')]);
    await test.client.get('/me', { token });
    expect(taken()).toEqual([span('knox authenticate')]);
    await test.client.post('/auth/logout', { token });
    expect(taken()).toEqual([span('knox authenticate'), span('knox revoke')]);
    await test.client.get('/me', { token });
    expect(taken()).toEqual([span('knox authenticate', 'invalid_token')]);
  });

  it('marks what the database gave no answer to as an error', async () => {
    const { token } = await test.tokens.create(test.john);
    taken();
    await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
    await test.client.get('/me', { token });
    expect(taken()).toEqual([span('knox authenticate', 'unavailable', true)]);
  });
});
