import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** The metadata key of `@IgnoreBody()`. */
export const IGNORE_BODY_METADATA = 'nestjs-knox:ignore-body';

/** Marks a handler for which a request counts as one without a body. */
export const IgnoreBody = (): CustomDecorator => SetMetadata(IGNORE_BODY_METADATA, true);
