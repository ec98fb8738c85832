/**
 * The one rule about null: a field that need not be there is left out, and null in its place is refused, unless null means
 * something of its own ("none", "for ever"), which the field's comment says then. class-validator's IsOptional would let null
 * through everywhere, so it is not used.
 */
import { ValidateIf } from "class-validator";

/** May be absent, and not null. */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** May be absent; null means something. */
export const MayBeNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined && value !== null);
