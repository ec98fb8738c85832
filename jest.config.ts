/** @jest-config-loader esbuild-register */
import { availableParallelism } from "node:os";
import type { Config } from "jest";

const swc = {
  jsc: {
    target: "es2023",
    parser: { syntax: "typescript", decorators: true, tsx: false },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
  },
  sourceMaps: "inline",
};

const base = {
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["source", "node", "node-addons"] },
  // fastify's inject() require()s cookie 2, which is ESM only.
  transformIgnorePatterns: ["/node_modules/(?!cookie/)"],
  transform: { "\\.ts$|/node_modules/cookie/.+\\.js$": ["@swc/jest", swc] },
} satisfies Config;

// The kind of a test is in its name: thing.test.ts, thing.sim.test.ts, thing.contract.test.ts, …
const KINDS = ["sim", "interop", "contract", "browser"];

const project = (displayName: string): Config => ({
  ...base,
  displayName,
  testMatch: [
    `<rootDir>/{gossip,node,client-sdk,web,scripts,bench}/**/*${displayName === "unit" ? "" : `.${displayName}`}.test.ts`,
  ],
  testPathIgnorePatterns: [
    "/node_modules/",
    "/dist/",
    ...(displayName === "unit" ? [`\\.(${KINDS.join("|")})\\.test\\.ts$`] : []),
  ],
});

const config: Config = {
  projects: ["unit", ...KINDS].map(project) as NonNullable<Config["projects"]>,
  testTimeout: 30_000,
  // One of two processors would be idle by default.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // A worker keeps something of each test file.
  workerIdleMemoryLimit: "1500MB",
  coverageProvider: "v8",
  collectCoverageFrom: ["{gossip,node,client-sdk}/src/**/*.ts", "!**/*.test.ts"],
};

export default config;
