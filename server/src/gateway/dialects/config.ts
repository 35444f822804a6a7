import { dialectNames } from "#gateway/dialects/versions.ts";
import { integer, list, oneOf, type Setting } from "#platform/settings.ts";

export const dialectSettings = {
  PARLEY_DIALECTS: dialectList("which old APIs are served: all, none, or some of them"),
  PARLEY_KV_PUBLIC: oneOf("whether kv may be used without any token", ["true", "false"], "false"),
  PARLEY_KV_MAX_BYTES: integer("largest value that kv takes or gives out, in bytes", 8_388_608, {
    min: 1_024,
    max: 67_108_864,
  }),
  PARLEY_MESSENGER_V1_SESSION_SECONDS: integer(
    "how long a session of messenger-v1 lives, in seconds",
    3_600,
    {
      min: 1,
      max: 31_536_000,
    },
  ),
};

const allowed = `must be all, none, or names out of ${dialectNames.join(", ")}`;

function dialectList(about: string): Setting<string[]> {
  const setting = list(about, [...dialectNames]);
  return {
    ...setting,
    emptyText: "none",
    parse(value) {
      if (value.trim() === "none") return [];
      if (value.trim() === "all") return [...dialectNames];
      const names = setting.parse(value);
      const wrong = names.find((name) => !(dialectNames as readonly string[]).includes(name));
      if (wrong !== undefined) throw new Error(`${allowed}; ${wrong} is no such name`);
      if (names.length === 0) throw new Error(allowed);
      return names;
    },
  };
}
