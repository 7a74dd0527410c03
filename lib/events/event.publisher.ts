import { Injectable, Logger } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { KnoxEvent } from './knox.events.ts';

/** The part of @nestjs/event-emitter's EventEmitter2 that is used here. */
interface Emitter {
  emitAsync(event: string, payload: KnoxEvent): Promise<unknown>;
}

/** Node's own EventEmitter has no emitAsync, and nothing but EventEmitter2 has both. */
function isEmitter(instance: unknown): instance is Emitter {
  const { emitAsync, onAny } = (instance ?? {}) as { emitAsync?: unknown; onAny?: unknown };
  return typeof emitAsync === 'function' && typeof onAny === 'function';
}

interface EventClass<Parameters extends unknown[]> {
  readonly eventName: string;
  new (...parameters: Parameters): KnoxEvent;
}

/**
 * Sends events to @nestjs/event-emitter where the application imports it, and does nothing where it
 * does not. The emitter is found in the container by its methods, so that the package never loads a
 * module that may be missing, nor a second copy of one that is there.
 */
@Injectable()
export class EventPublisher {
  readonly #logger = new Logger('KnoxModule');
  readonly #modules: ModulesContainer;
  #emitter: Emitter | null | undefined;

  constructor(modules: ModulesContainer) {
    this.#modules = modules;
  }

  /** Whether anybody could be listening; where not, an event's parts need not be found out. */
  get isEnabled(): boolean {
    if (this.#emitter === undefined) this.#emitter = this.#findEmitter();
    return this.#emitter !== null;
  }

  /** Makes an event and sends it; a listener that fails is logged and changes no answer. */
  publish<Parameters extends unknown[]>(
    Event: EventClass<Parameters>,
    ...parameters: Parameters
  ): void {
    if (!this.isEnabled) return;
    const { eventName } = Event;
    try {
      (this.#emitter as Emitter)
        .emitAsync(eventName, new Event(...parameters))
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
