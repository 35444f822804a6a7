/** What the dialects' OpenAPI documents are written with. */

/** JSON Schema, or a reference to one. */
export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: "string" };
export const uuid: Schema = { type: "string", format: "uuid" };

export const listOf = (items: Schema): Schema => ({ type: "array", items });

/** All of its properties are required, unless it is said which. */
export const object = (properties: Schema, required = Object.keys(properties)): Schema => ({
  type: "object",
  ...(required.length > 0 ? { required } : {}),
  properties,
});

/** Of the document's own schemas. */
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

export const json = (schema: Schema) => ({ "application/json": { schema } });

export const answer = (description: string, schema?: Schema) => ({
  description,
  ...(schema ? { content: json(schema) } : {}),
});

export const jsonBody = (schema: Schema) => ({ required: true, content: json(schema) });

/** A text, unless the rest says otherwise. */
export const inPath = (name: string, rest: object = {}) => ({
  name,
  in: "path",
  required: true,
  schema: text,
  ...rest,
});

/** A text that may be left out, unless the rest says otherwise. */
export const inQuery = (name: string, rest: object = {}) => ({ name, in: "query", schema: text, ...rest });
