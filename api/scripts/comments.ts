/** The comments of a .proto file, which documents are made of. */
import type { DescEnum, DescField, DescFile, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";

type Described = DescMessage | DescField | DescService | DescMethod | DescEnum;

/** The comment right before the definition, as one paragraph per blank line; empty when there is none. */
export function commentOf(desc: Described): string {
  const path = pathOf(desc).join(".");
  const location = fileOf(desc).proto.sourceCodeInfo?.location.find((one) => one.path.join(".") === path);
  const lines = (location?.leadingComments ?? "").split("\n").map((line) => line.trim());
  return lines
    .filter((line) => !line.startsWith("buf:lint:ignore"))
    .join("\n")
    .trim()
    .replace(/\n\n+/g, "\0")
    .replaceAll("\n", " ")
    .replaceAll("\0", "\n\n");
}

/** "What it does." out of "What it does. And more." */
export function firstSentence(comment: string): string {
  return /^.*?[.:;](?=\s|$)/s.exec(comment)?.[0].replace(/[:;]$/, ".") ?? comment;
}

function fileOf(desc: Described): DescFile {
  return desc.kind === "field" || desc.kind === "rpc" ? desc.parent.file : desc.file;
}

/** Field numbers of FileDescriptorProto, DescriptorProto and ServiceDescriptorProto, and positions in them. */
function pathOf(desc: Described): number[] {
  switch (desc.kind) {
    case "service":
      return [6, desc.file.services.indexOf(desc)];
    case "rpc":
      return [...pathOf(desc.parent), 2, desc.parent.methods.indexOf(desc)];
    case "message":
      return [4, desc.file.messages.indexOf(desc)];
    case "enum":
      return [5, desc.file.enums.indexOf(desc)];
    case "field":
      return [...pathOf(desc.parent), 2, desc.parent.fields.indexOf(desc)];
  }
}
