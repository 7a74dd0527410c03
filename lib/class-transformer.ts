import { hiddenProperties, shownProperties } from './entities/shown-properties.ts';

/** The part of class-transformer that is used here. */
interface ClassTransformer {
  Exclude(options: { toPlainOnly: boolean }): (prototype: object, property: string) => void;
  Expose(options: {
    name: string;
    toPlainOnly: boolean;
  }): (prototype: object, property: string) => void;
}

/** A variable, so that neither TypeScript nor a bundler asks for the package, which the application may not have. */
const PACKAGE = 'class-transformer';

/**
 * Lets class-transformer, and so NestJS's ClassSerializerInterceptor, show of a token what `toJSON` shows. It does not
 * call `toJSON`. Without the package there is nothing to do.
 */
export async function hideFromClassTransformer(tokenEntity: new () => object): Promise<void> {
  let transformer: ClassTransformer;
  try {
    transformer = (await import(PACKAGE)) as ClassTransformer;
  } catch {
    return;
  }
  const prototype = tokenEntity.prototype as object;
  for (const name of hiddenProperties(tokenEntity)) {
    transformer.Exclude({ toPlainOnly: true })(prototype, name);
  }
  if (shownProperties(tokenEntity).includes('id')) return;
  transformer.Expose({ name: 'id', toPlainOnly: true })(prototype, 'publicId');
}
