import { getMetadataArgsStorage } from 'typeorm';

/** A class of token entities, abstract ones too. */
type TokenClass = abstract new () => object;

/**
 * The properties that an answer may show of a token: its columns, embedded ones too, but not the digest. The owner and
 * other relations are no columns.
 */
export function shownProperties(type: TokenClass): string[] {
  const storage = getMetadataArgsStorage();
  const classes = withBaseClasses(type);
  const columns = [...storage.filterColumns(classes), ...storage.filterEmbeddeds(classes)];
  return columns.map(({ propertyName }) => propertyName).filter((name) => name !== 'digest');
}

/** The properties that a serializer must leave out, if it shows all properties by default. */
export function hiddenProperties(type: TokenClass): string[] {
  const shown = new Set(shownProperties(type));
  const relations = getMetadataArgsStorage().filterRelations(withBaseClasses(type));
  const known = ['digest', 'ttl', ...relations.map(({ propertyName }) => propertyName)];
  return known.filter((name) => !shown.has(name));
}

/** The class and its base classes, the class itself first: a column that it declares anew counts. */
function withBaseClasses(type: TokenClass): TokenClass[] {
  const classes: TokenClass[] = [];
  let next: unknown = type;
  while (typeof next === 'function' && next !== Function.prototype) {
    classes.push(next as TokenClass);
    next = Object.getPrototypeOf(next);
  }
  return classes;
}
