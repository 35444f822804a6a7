/** fast-check arbitraries made from message definitions. */
import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

const text = fc.string({ unit: "binary", maxLength: 20 }).filter((value) => value.isWellFormed());
const minSeconds = BigInt(Date.UTC(1900, 0)) / 1_000n;
const maxSeconds = BigInt(Date.UTC(9_999, 11)) / 1_000n;

const timestamp = fc
  .record({
    seconds: fc.bigInt({ min: minSeconds, max: maxSeconds }),
    nanos: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 999 }).map((ms) => ms * 1_000_000),
      fc.integer({ min: 0, max: 999_999_999 }),
    ),
  })
  .map((init) => create(TimestampSchema, init));

/** Any message of the type, whatever its rules say. */
export function arbitraryMessage(desc: DescMessage): fc.Arbitrary<Message> {
  if (desc.typeName === TimestampSchema.typeName) return timestamp;
  const fields = desc.fields.map((field) => [field.localName, arbitraryField(field)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] }).map((init) => {
    const set = Object.entries(init).filter(([, value]) => value !== undefined);
    return create(desc, Object.fromEntries(set) as never);
  });
}

function arbitraryField(field: DescField): fc.Arbitrary<unknown> {
  const single = arbitrarySingle(field);
  if (field.fieldKind === "list") return fc.array(single, { maxLength: 4 });
  if (field.fieldKind === "map")
    return fc.dictionary(fc.oneof(text, fc.constant("__proto__")), single, { maxKeys: 4 });
  return single;
}

function arbitrarySingle(field: DescField): fc.Arbitrary<unknown> {
  if (field.message) return arbitraryMessage(field.message);
  if (field.enum)
    return fc.oneof(
      fc.constantFrom(...field.enum.values.map((v) => v.number)),
      fc.integer({ min: 0, max: 9 }),
    );
  switch (field.scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT32:
      return fc.oneof(fc.integer({ min: 0, max: 4_294_967_295 }), fc.nat(3));
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 40 });
    default:
      throw new Error(`${field}: no arbitrary for this type`);
  }
}
