import { Injectable, Logger } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { ClientInfo } from '../requests/client-info.ts';
import type { KnoxEvent } from './knox.events.ts';

/** The part of @nestjs/event-emitter's EventEmitter2 that is used here. */
interface Emitter {
  emitAsync(event: string, payload: KnoxEvent): Promise<unknown>;
}

/** Only EventEmitter2 has both methods; Node's EventEmitter has no emitAsync. */
function isEmitter(instance: unknown): instance is Emitter {
  const { emitAsync, onAny } = (instance ?? {}) as { emitAsync?: unknown; onAny?: unknown };
  return typeof emitAsync === 'function' && typeof onAny === 'function';
}

interface EventClass<Parameters extends unknown[]> {
  readonly eventName: string;
  new (...parameters: [...Parameters, client: ClientInfo | null]): KnoxEvent;
}

/** The operation in which an event happens. Its client is read only if there is a listener. */
interface ClientSource {
  readonly client: ClientInfo | null;
}

/**
 * Sends events to @nestjs/event-emitter if the application imports it, and else does nothing. It finds the
 * emitter in the container by its methods. An import could fail, as the module is optional, or load a second
 * copy of it.
 */
@Injectable()
export class EventPublisher {
  readonly #logger = new Logger('KnoxModule');
  readonly #modules: ModulesContainer;
  #emitter: Emitter | null | undefined;

  constructor(modules: ModulesContainer) {
    this.#modules = modules;
  }

  /** Makes an event and sends it. A listener that fails is logged and changes no answer. */
  publish<Parameters extends unknown[]>(
    Event: EventClass<Parameters>,
    source: ClientSource,
    ...parameters: Parameters
  ): void {
    if (this.#emitter === undefined) this.#emitter = this.#findEmitter();
    // Reading `request.ip` is expensive, so it is done only if an event needs it.
    if (this.#emitter === null) return;
    const { eventName } = Event;
    try {
      this.#emitter
        .emitAsync(eventName, new Event(...parameters, source.client))
        .catch((error: unknown) => this.#logFailure(eventName, error));
    } catch (error) {
      this.#logFailure(eventName, error);
    }
  }

  #findEmitter(): Emitter | null {
    for (const module of this.#modules.values()) {
      for (const [token, { instance }] of module.providers) {
        if (typeof token === 'function' && isEmitter(instance)) return instance;
      }
    }
    return null;
  }

  #logFailure(name: string, error: unknown): void {
    this.#logger.error(
      `A listener of ${name} failed: ${error instanceof Error ? error.message : typeof error}`,
      error instanceof Error ? error.stack : undefined,
    );
  }
}
