/** The routes whose bodies are bytes. They are no methods of the contract, so they are described by hand. */
import type { Json } from "./openapi-schemas.ts";

const header = (name: string, description: string, schema: Json = { type: "string" }): Json => ({
  name,
  in: "header",
  description,
  schema,
});
const segment = (name: string, description: string, schema: Json = { type: "string" }): Json => ({
  name,
  in: "path",
  required: true,
  description,
  schema,
});

const key = segment(
  "key",
  "1 to 1,024 bytes of UTF-8, any characters, percent-encoded. A slash may be written as it is, and is one character of the key like all others.",
  { type: "string", minLength: 1 },
);
const download: Json = {
  name: "download",
  in: "query",
  description: "Given: the answer is to be saved, whatever its type.",
  allowEmptyValue: true,
  schema: { type: "string" },
};
const range = header("Range", "`bytes=0-499`, `bytes=-500`, or up to 16 ranges separated by commas.");
const ifRange = header("If-Range", "The `Range` counts only while the bytes have this entity tag.");
const ifMatch = header("If-Match", "Entity tags of which it must have one, or `*`: it must be there.");
const ifNoneMatch = header(
  "If-None-Match",
  "Entity tags of which it must have none, or `*`: it must not be there.",
);
const ifModified = header("If-Modified-Since", "Looked at when there is no `If-None-Match`.");
const digest = header(
  "Content-Digest",
  "`sha-256=:<base64>:` (RFC 9530): checked. Other algorithms are ignored.",
);
const metadata = header("Parley-Meta-*", "Metadata: any headers that begin so, values in UTF-8.");
const id: Json = { type: "string", format: "uuid" };

const bytes: Json = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };
const blob: Json = { "application/json": { schema: { $ref: "#/components/schemas/Blob" } } };
const etagHeader: Json = {
  ETag: { description: "SHA-256 of the bytes, in hex.", schema: { type: "string" } },
};
const refer = (status: number | string): Json => ({ $ref: `#/components/responses/${status}` });
const problem = (description: string): Json => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});

interface Described {
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  parameters: Json[];
  requestBody?: Json;
  responses: Json;
}

function operation({ tag, responses, ...described }: Described): Json {
  return {
    ...described,
    tags: [tag],
    security: [{ bearer: [] }, { cookie: [] }],
    responses: { ...responses, 400: refer(400), 401: refer(401), 429: refer(429), default: refer("default") },
  };
}

const notFound = problem("There is none that the caller may read.");
const noUpload = problem("There is no such upload among the caller's, or no longer.");
const readResponses: Json = {
  200: { description: "The bytes.", headers: etagHeader, content: bytes },
  206: { description: "The ranges; several as `multipart/byteranges`.", headers: etagHeader, content: bytes },
  304: { description: "Not modified." },
  404: notFound,
  412: problem("`If-Match` does not hold."),
  416: problem("There is no such range."),
};
const headResponses: Json = {
  200: { description: "The headers of GET.", headers: etagHeader },
  304: { description: "Not modified." },
  404: notFound,
  412: problem("`If-Match` does not hold."),
};

const blobPath: Json = {
  put: operation({
    operationId: "putBlob",
    tag: "BlobService",
    summary: "Stores the body under the key, whole or not at all.",
    parameters: [key, ifMatch, ifNoneMatch, digest, metadata],
    requestBody: { required: true, content: { "*/*": { schema: { type: "string", format: "binary" } } } },
    responses: {
      200: { description: "Replaced.", headers: etagHeader, content: blob },
      201: { description: "Created.", headers: etagHeader, content: blob },
      412: problem("A condition does not hold."),
      413: problem("Too large, or over the quota; said before the body is read, where its length is given."),
    },
  }),
  get: operation({
    operationId: "readBlob",
    tag: "BlobService",
    summary: "The blob's bytes.",
    description:
      "What a browser could run (SVG, HTML, unknown types) comes as a download, and everything under a policy that lets nothing run.",
    parameters: [key, download, range, ifRange, ifMatch, ifNoneMatch, ifModified],
    responses: readResponses,
  }),
  head: operation({
    operationId: "headBlob",
    tag: "BlobService",
    summary: "What GET would say of the blob, without its bytes.",
    parameters: [key, ifMatch, ifNoneMatch, ifModified],
    responses: headResponses,
  }),
  delete: operation({
    operationId: "removeBlob",
    tag: "BlobService",
    summary: "Deletes the blob; one that is not there is deleted already.",
    parameters: [key, ifMatch],
    responses: { 204: { description: "Deleted." }, 412: problem("`If-Match` does not hold.") },
  }),
};

const tusResumable: Json = {
  ...header("Tus-Resumable", "The protocol's version.", { const: "1.0.0" }),
  required: true,
};
const uploadLength = header("Upload-Length", "Bytes of the whole.", { type: "integer", minimum: 0 });
const uploadOffset: Json = {
  ...header("Upload-Offset", "Where these bytes begin: what HEAD says.", { type: "integer", minimum: 0 }),
  required: true,
};
const uploadId = segment("uploadId", "Out of `Location`.", id);
const appended: Json = {
  content: { "application/offset+octet-stream": { schema: { type: "string", format: "binary" } } },
};
const offsetHeader: Json = {
  "Upload-Offset": { description: "Bytes that are there for good.", schema: { type: "integer" } },
};

const uploadsPath: Json = {
  post: operation({
    operationId: "createUpload",
    tag: "BlobService",
    summary: "Begins a resumable upload (tus 1.0).",
    parameters: [
      tusResumable,
      uploadLength,
      header("Upload-Defer-Length", "`1`: the length will be said later.", { const: "1" }),
      header(
        "Upload-Metadata",
        "Pairs of names and base64, separated by commas: `key` (needed), `filetype`, and any others.",
      ),
    ],
    requestBody: appended,
    responses: {
      201: {
        description: "Created.",
        headers: { Location: { description: "Where to PATCH.", schema: { type: "string" } } },
      },
      413: problem("Too large, or over the quota."),
    },
  }),
};

const uploadPath: Json = {
  head: operation({
    operationId: "headUpload",
    tag: "BlobService",
    summary: "How far the upload has come.",
    parameters: [uploadId, tusResumable],
    responses: { 200: { description: "`Upload-Offset` says it.", headers: offsetHeader }, 404: noUpload },
  }),
  patch: operation({
    operationId: "appendToUpload",
    tag: "BlobService",
    summary: "Appends the body; with the last byte the blob is there.",
    parameters: [uploadId, tusResumable, uploadOffset, uploadLength],
    requestBody: { ...appended, required: true },
    responses: {
      204: { description: "Appended.", headers: { ...offsetHeader, ...etagHeader } },
      404: noUpload,
      409: problem("The upload stands elsewhere."),
    },
  }),
  delete: operation({
    operationId: "deleteUpload",
    tag: "BlobService",
    summary: "Gives the upload up.",
    parameters: [uploadId, tusResumable],
    responses: { 204: { description: "Deleted." }, 404: noUpload },
  }),
};

const inMessage = [
  segment("chatId", "The chat's id.", id),
  segment("messageId", "The message's id."),
  segment("attachmentId", "The attachment's id.", id),
];

function attachmentPath(what: string, name: string): Json {
  return {
    get: operation({
      operationId: `read${name}`,
      tag: "MessengerService",
      summary: `${what}, for members of the chat, as long as the message stands.`,
      parameters: [...inMessage, download, range, ifRange, ifMatch, ifNoneMatch],
      responses: readResponses,
    }),
    head: operation({
      operationId: `head${name}`,
      tag: "MessengerService",
      summary: "The headers of GET.",
      parameters: [...inMessage, ifMatch, ifNoneMatch],
      responses: headResponses,
    }),
  };
}

const attachment = "/v2/chats/{chatId}/messages/{messageId}/attachments/{attachmentId}";

export const bytePaths: Record<string, Json> = {
  "/v2/blobs/{key}": blobPath,
  "/v2/uploads": uploadsPath,
  "/v2/uploads/{uploadId}": uploadPath,
  [attachment]: attachmentPath("An attachment's bytes", "Attachment"),
  [`${attachment}/thumbnail`]: attachmentPath("A picture's smaller version", "Thumbnail"),
};
