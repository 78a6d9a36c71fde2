/**
 * Gives an object a secret field: read like any other, and left out when the object is printed, stringified, cloned or spread.
 * An accessor, because `util.inspect` shows the value of a hidden field when it is asked for hidden ones.
 */
export function hide<T extends object, Name extends string, Value>(
  object: T,
  name: Name,
  value: Value,
): asserts object is T & Readonly<Record<Name, Value>> {
  Object.defineProperty(object, name, { get: () => value, enumerable: false });
}
