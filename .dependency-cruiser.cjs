/** Import direction: main → app → service → platform → api. A service never imports another service. */
const services = "identity|messenger|search|dispatch|blobs|gateway";

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "not-to-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "service-imports-no-other-service",
      severity: "error",
      from: { path: `^server/src/(${services})/` },
      to: { path: `^server/src/(${services})/`, pathNot: "^server/src/$1/" },
    },
    {
      name: "only-app-and-tests-know-the-simulated-provider",
      severity: "error",
      from: { path: "^server/src/", pathNot: "^server/src/(app|provider-sim)/|\\.test\\.ts$" },
      to: { path: "^server/src/provider-sim/" },
    },
    {
      name: "the-simulated-provider-knows-no-service",
      severity: "error",
      from: { path: "^server/src/provider-sim/" },
      to: { path: "^server/src/", pathNot: "^server/src/(provider-sim|platform)/" },
    },
    {
      name: "nothing-imports-main",
      severity: "error",
      from: {},
      to: { path: "^server/src/main\\.ts$" },
    },
    {
      name: "service-does-not-import-app-or-config",
      severity: "error",
      from: { path: `^server/src/(${services})/` },
      to: { path: "^server/src/(app|config)/" },
    },
    {
      name: "platform-imports-only-the-contract",
      severity: "error",
      from: { path: "^server/src/platform/" },
      to: { path: "^server/src/", pathNot: "^server/src/platform/" },
    },
    {
      name: "only-store-and-platform-know-sql",
      severity: "error",
      from: { path: "^server/src/", pathNot: "^server/src/platform/|\\.test\\.ts$" },
      to: { path: "node_modules/pg/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "web-and-bench-use-the-client-only",
      severity: "error",
      from: { path: "^(web|bench)/src/" },
      to: { path: "^server/" },
    },
    {
      name: "client-uses-the-contract-only",
      severity: "error",
      from: { path: "^client/src/", pathNot: "\\.test\\.ts$" },
      to: { path: "^(server|web|bench)/" },
    },
    {
      name: "production-code-imports-no-tests",
      severity: "error",
      from: { path: "^(server|client|web)/src/", pathNot: "\\.test\\.tsx?$" },
      to: { path: "\\.test\\.tsx?$|^server/test/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules|^api/gen" },
    exclude: { path: "\\.d\\.ts$" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".js", ".json", ".css"],
    },
  },
};
