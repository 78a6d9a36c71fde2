/** What a valibot schema accepts, in the notation of TypeScript, for people to read. */
interface Schema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly options?: readonly (Schema | string)[];
  readonly literal?: unknown;
  readonly item?: Schema;
  readonly wrapped?: Schema;
  readonly expects?: string;
}

export function shape(schema: Schema): string {
  switch (schema.type) {
    case "strict_object":
    case "loose_object":
    case "object":
      return object(schema);
    case "variant":
    case "union":
      return (schema.options ?? [])
        .map((option) => (typeof option === "string" ? option : shape(option)))
        .join(" \\| ");
    case "nullable":
      return `${schema.wrapped ? shape(schema.wrapped) : "…"} \\| null`;
    case "picklist":
      return (schema.options ?? []).map((option) => JSON.stringify(option)).join(" \\| ");
    case "literal":
      return JSON.stringify(schema.literal);
    case "record":
      return "{ [name]: … }";
    case "array":
      return schema.item?.type === "custom" ? "[…]" : `(${schema.item ? shape(schema.item) : "…"})[]`;
    case "custom":
      return "{ … }";
    default:
      return schema.type;
  }
}

function object({ entries = {}, type }: Schema): string {
  const fields = Object.entries(entries).map(([name, field]) =>
    field.wrapped ? `${name}?: ${shape(field.wrapped)}` : `${name}: ${shape(field)}`,
  );
  if (type === "loose_object") fields.push("…");
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
