import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** The metadata key of `@NoStore()`. */
export const NO_STORE_METADATA = 'nestjs-knox:no-store';

/** Marks a handler, or all handlers of a class, whose answers no cache may keep, those of the guard among them. */
export const NoStore = (): CustomDecorator => SetMetadata(NO_STORE_METADATA, true);
