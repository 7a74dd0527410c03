import { tracingChannel } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import type { OperationMessage } from 'nestjs-knox';

const tracer = trace.getTracer('nestjs-knox');
const spans = new WeakMap<OperationMessage, Span>();
const ignore = () => undefined;

for (const operation of ['authenticate', 'create', 'revoke']) {
  tracingChannel<unknown, OperationMessage>(`nestjs-knox:${operation}`).subscribe({
    start(message) {
      const attributes = { 'knox.realm': message.realm };
      const span = tracer.startSpan(`knox ${operation}`, { kind: SpanKind.INTERNAL, attributes });
      spans.set(message, span);
    },
    asyncEnd(message) {
      const span = spans.get(message);
      const { code, count } = message;
      span?.setAttributes({ 'knox.code': code ?? 'ok', 'knox.count': count });
      // A refused token is an answer, and no error of the application.
      if (code === 'unavailable') span?.setStatus({ code: SpanStatusCode.ERROR });
      span?.end();
    },
    end: ignore,
    asyncStart: ignore,
    error: ignore,
  });
}
