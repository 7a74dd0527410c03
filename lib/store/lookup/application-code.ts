import type { DataSource, EntityMetadata } from 'typeorm';
import { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import { BaseToken } from '../../entities/base-token.ts';
import { instantTransformer, millisecondsTransformer } from '../../entities/instant.transformer.ts';

const OUR_TRANSFORMERS: readonly unknown[] = [instantTransformer, millisecondsTransformer];
const OUR_CLASSES: readonly unknown[] = [AbstractAuthToken, BaseToken];

/** Whether a subscriber has to be told of each entity that is loaded. Subscribers may come and go at any time. */
export function hasLoadSubscriber({ subscribers }: DataSource): boolean {
  return subscribers.some((subscriber) => subscriber.afterLoad !== undefined);
}

/**
 * Whether code of the application's runs when entities are made, subscribers aside. Such code must run in the async
 * context of the one request that the entity is for.
 */
export function runsApplicationCode(metadatas: readonly EntityMetadata[]): boolean {
  return metadatas.some(
    (metadata) =>
      metadata.afterLoadListeners.length > 0 ||
      metadata.relationIds.some(({ queryBuilderFactory }) => queryBuilderFactory !== undefined) ||
      metadata.columns.some(
        ({ transformer }) => transformer !== undefined && !OUR_TRANSFORMERS.includes(transformer),
      ) ||
      [metadata.target, ...metadata.allEmbeddeds.map(({ type }) => type)].some(hasCode) ||
      runsApplicationCode(metadata.childEntityMetadatas),
  );
}

/**
 * Whether a class has, or may have, a constructor, an initializer or a setter, by its source text. Methods that
 * assign count as well: it is enough to be right about the classes for which this is false.
 */
function hasCode(type: unknown): boolean {
  if (typeof type !== 'function' || type === Function.prototype) return false;
  if (OUR_CLASSES.includes(type)) return false;
  const source = Function.prototype.toString.call(type);
  if (!source.startsWith('class') || /=|\b(?:constructor|set)\b/.test(source)) return true;
  return hasCode(Object.getPrototypeOf(type));
}
