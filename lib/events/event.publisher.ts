import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { REALM_NAME } from '../options/realm-name.ts';
import type { ClientInfo } from '../requests/client-info.ts';
import { logFault } from './fault.log.ts';
import type { EventOrigin, KnoxEvent } from './knox.events.ts';

/** The part of @nestjs/event-emitter's EventEmitter2 that is used here. */
interface Emitter {
  emitAsync(event: string, payload: KnoxEvent): Promise<unknown>;
}

type ModuleInContainer = ModulesContainer extends Map<string, infer M> ? M : never;

/**
 * Whether an injection token is the class EventEmitter2. Only the token is read: an instance may be a proxy that answers
 * to any name, or that throws. Of Node's EventEmitter, and of the application's subclasses, no prototype has both methods.
 */
function isEmitterClass(token: unknown): boolean {
  if (typeof token !== 'function') return false;
  const prototype: unknown = token.prototype;
  const methods = ['emitAsync', 'onAny'];
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    methods.every((method) => Object.hasOwn(prototype, method))
  );
}

interface EventClass<Parameters extends unknown[]> {
  readonly eventName: string;
  new (...parameters: [...Parameters, origin: EventOrigin]): KnoxEvent;
}

/** The operation in which an event happens. Its client is read only if there is a listener. */
interface ClientSource {
  readonly client: ClientInfo | null;
}

/**
 * Sends events to @nestjs/event-emitter if the application imports it, and else does nothing. It finds the emitter in
 * the container by its injection token. An import could fail, as the module is optional, or load a second copy of it.
 */
@Injectable()
export class EventPublisher {
  readonly #modules: ModulesContainer;
  readonly #realm: string;
  /** Null: the application has none. */
  #holder: { readonly instance: unknown } | null | undefined;

  constructor(modules: ModulesContainer, @Inject(REALM_NAME) realm: string) {
    this.#modules = modules;
    this.#realm = realm;
  }

  /**
   * Makes an event and sends it. What it tells of is done, so it never throws: whatever fails here, a listener among
   * it, is logged and changes no answer.
   */
  publish<Parameters extends unknown[]>(
    Event: EventClass<Parameters>,
    source: ClientSource,
    ...parameters: Parameters
  ): void {
    const { eventName } = Event;
    const onError = (error: unknown): void => {
      logFault(`A listener of ${eventName} failed`, error);
    };
    try {
      if (this.#holder === undefined) this.#holder = this.#findHolder();
      // Reading `request.ip` is expensive, so it is done only if an event needs it.
      if (this.#holder === null) return;
      // There is none while the application is being put together.
      const emitter = this.#holder.instance as Emitter | null | undefined;
      const origin = { realm: this.#realm, client: source.client };
      const sent = emitter?.emitAsync(eventName, new Event(...parameters, origin));
      Promise.resolve(sent).catch(onError);
    } catch (error) {
      onError(error);
    }
  }

  /** The provider of the emitter: in the module of @nestjs/event-emitter, if the application provides one too. */
  #findHolder(): { readonly instance: unknown } | null {
    const found = [...this.#modules.values()].flatMap((module) =>
      [...module.providers]
        .filter(([token]) => isEmitterClass(token))
        .map(([, holder]) => ({ module, holder })),
    );
    const listenedTo = found.find(({ module }) => isEventEmitterModule(module));
    return (listenedTo ?? found[0])?.holder ?? null;
  }
}

function isEventEmitterModule({ metatype }: ModuleInContainer): boolean {
  return metatype.name === 'EventEmitterModule';
}
